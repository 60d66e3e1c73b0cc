//! Whatever port call fails, in whatever way: once it is looked again, the same is known and the same was told, under the same ids.
#![allow(clippy::unwrap_used, reason = "a test says what failed by failing")]

mod common;

use common::{HOUR_MS, World};
use watershed_ports::{Kind, faults::Fault};

/// Looks after which one that still fails is one too many.
const MAX_LOOKS: usize = 3;

const OLD: &str = "2023-11-10T00:00:00Z";
const FRESH: &str = "2023-11-14T21:00:00Z";

async fn looked(world: &World) {
    for _ in 0..MAX_LOOKS {
        if world.look(World::tick()).await.is_ok() {
            return;
        }
    }
    panic!("it fails and fails");
}

/// Too few and old; then enough and fresh; then nothing more.
async fn happen(world: &World) {
    for (source, times) in [("s3://raw/1", &[OLD][..]), ("s3://raw/2", &[FRESH, FRESH][..])] {
        world.deliver(source, 1, times).await;
        looked(world).await;
    }
    world.pass(3 * HOUR_MS);
    looked(world).await;
}

#[tokio::test]
async fn every_fault_at_every_call_ends_as_the_run_without() {
    let world = World::new();
    happen(&world).await;
    let calls = world.faults.calls();
    let expected = (world.left(), world.announced());
    let kinds: Vec<&str> = expected.1.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds, ["ExpectationFailed", "ExpectationHeld", "ExpectationFailed"]);
    for name in ["read", "load", "put_if", "put", "publish", "list"] {
        assert!(calls.iter().any(|call| call.starts_with(name)), "{name} is called");
    }
    for fault in [
        Fault::Refused(Kind::Transient),
        Fault::Refused(Kind::Fault),
        Fault::AnswerLost,
    ] {
        for (number, call) in calls.iter().enumerate() {
            let world = World::new();
            world.faults.plan(number, fault);
            happen(&world).await;
            let found = (world.left(), world.announced());
            assert_eq!(found, expected, "{fault:?} at call {number}: {call}");
        }
    }
}
