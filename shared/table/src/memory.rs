//! Time and chance for tests, beside the ports in memory of `watershed-ports`.

use crate::Host;
use async_trait::async_trait;
use std::{
    future::poll_fn,
    sync::atomic::{AtomicU64, Ordering},
    task::Poll,
};
use uuid::Uuid;

/// When its time begins: milliseconds since 1970-01-01T00:00:00Z.
const BEGIN_MS: i64 = 1_700_000_000_000;

/// Time that counts up, names that count up, sleep that lets others run.
#[derive(Debug, Default)]
pub struct MemoryHost(AtomicU64);

impl MemoryHost {
    /// One that counts from there.
    pub fn from(first: u64) -> Self {
        Self(AtomicU64::new(first))
    }

    /// Lets time go by: milliseconds.
    pub fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::Relaxed);
    }
}

#[async_trait]
impl Host for MemoryHost {
    fn now_ms(&self) -> i64 {
        BEGIN_MS + self.0.fetch_add(1, Ordering::Relaxed).cast_signed()
    }

    fn uuid(&self) -> Uuid {
        let n = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        // Spread, so that what is drawn from it is.
        Uuid::from_u64_pair(
            n.wrapping_mul(0x9E37_79B9_7F4A_7C15),
            n.wrapping_mul(0xD1B5_4A32_D192_ED03),
        )
    }

    async fn sleep_ms(&self, ms: u64) {
        for _ in 0..ms {
            let mut yielded = false;
            poll_fn(|context| {
                if std::mem::replace(&mut yielded, true) {
                    return Poll::Ready(());
                }
                context.waker().wake_by_ref();
                Poll::Pending
            })
            .await;
        }
    }
}
