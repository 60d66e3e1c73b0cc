//! Small files packed into others with the same rows: what counts, what loses, and that nothing is told wrong.

#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{
    World, parquet, spec,
    swaps::{PACKED, Rows, asked, packed, parts, rows, swap_of, swapped, work},
};
use watershed_lake::{CommitRequest, Maintain, MaintenanceRequest, StagedFile, Swap};
use watershed_ports::Kind;
use watershed_table::{Outcome, current::Current};

const DAY_MS: u64 = 86_400_000;

#[tokio::test]
async fn what_was_packed_is_no_difference() {
    let world = World::new();
    let state = || async {
        Current::load(&world.store, &world.catalog, &spec().name)
            .await
            .unwrap()
            .unwrap()
    };
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    let before = state().await;
    assert_eq!(swapped(&world, &packed(&world, &first)).await, Ok(Outcome::Applied));
    let packed = state().await;
    let difference = packed.since(&before, &world.store).await.unwrap();
    assert_eq!((difference.added.len(), difference.removed.len()), (0, 0));
    let newer = world.request(&spec(), "b", 1, &[&[(7, "new")]]);
    world.commit(&spec(), std::slice::from_ref(&newer)).await;
    let difference = state().await.since(&packed, &world.store).await.unwrap();
    assert_eq!((difference.added.len(), difference.removed.len()), (1, 0));
}

#[tokio::test]
async fn files_are_swapped_in_one_snapshot_that_changes_no_row() {
    let world = World::new();
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    let swap = packed(&world, &first);
    let done = work(&world, &[], &[asked(&swap)]).await;
    assert_eq!(done.maintained, [Ok(Outcome::Applied)]);
    let changed = done.changed.unwrap();
    assert_eq!(changed.operation, "replace");
    assert_eq!((changed.added_files, changed.removed_files), (1, 3));
    assert_eq!(
        (changed.added_rows, changed.removed_rows, changed.total_rows),
        (4, 4, 5)
    );
    assert_eq!(changed.partitions, Some(vec!["n_trunc=0".to_string()]));
    assert_eq!(world.live(&spec(), None).len(), 2);
    assert_eq!(
        world.live(&spec(), changed.parent_snapshot_id).len(),
        4,
        "who reads the state before still can"
    );
    let ledger = world.ledger(&spec(), std::slice::from_ref(&first.source)).await;
    assert_eq!((&ledger[&first.source].1, ledger[&first.source].2), (&first.token, 2));

    let version = world.version(&spec()).await;
    let again = work(&world, std::slice::from_ref(&first), &[asked(&swap)]).await;
    assert_eq!(again.outcomes, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(again.maintained, [Ok(Outcome::AlreadyApplied)]);
    assert_eq!(
        again.changed.map(|again| again.snapshot_id),
        Some(changed.snapshot_id),
        "announced again: the announcement may have been lost"
    );
    assert_eq!(world.version(&spec()).await, version);

    let newer = world.request(&spec(), "a", 2, &[&[(7, "new")]]);
    world.commit(&spec(), std::slice::from_ref(&newer)).await;
    assert_eq!(rows(&world), 1, "a newer version replaces what was packed");
    assert_eq!(swapped(&world, &swap).await, Ok(Outcome::AlreadyApplied));
    assert_eq!(rows(&world), 1);
}

#[tokio::test]
async fn a_swap_loses_to_whatever_takes_one_of_its_files() {
    let world = World::new();
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    let swap = packed(&world, &first);
    // Of two that want the same file, one counts; the same one twice is one.
    let mut overlapping = first.clone();
    overlapping.files.truncate(2);
    let overlapping = swap_of(
        &world,
        &first.source,
        &[&overlapping],
        &[&[(1, "a"), (2, "b"), (3, "c")]],
    );
    let done = work(&world, &[], &[asked(&swap), asked(&overlapping), asked(&swap)]).await;
    let (applied, superseded) = (Ok(Outcome::Applied), Ok(Outcome::Superseded));
    assert_eq!(done.maintained, [applied.clone(), superseded.clone(), applied.clone()]);
    assert_eq!(done.changed.unwrap().operation, "replace");
    assert_eq!((world.live(&spec(), None).len(), rows(&world)), (2, 5));
    // A newer version in the same batch, and before it.
    let second = parts(&world, 2);
    let swap = swap_of(&world, &first.source, &[&second], &[PACKED]);
    assert_eq!(
        swapped(&world, &swap).await,
        superseded,
        "what it replaces has not come yet"
    );
    world.commit(&spec(), std::slice::from_ref(&second)).await;
    let third = world.request(&spec(), "a", 3, &[&[(5, "e")]]);
    let swap = packed(&world, &second);
    let done = work(&world, std::slice::from_ref(&third), &[asked(&swap)]).await;
    assert_eq!(
        (done.outcomes, done.maintained),
        (vec![applied], vec![superseded.clone()])
    );
    assert_eq!(done.changed.unwrap().operation, "overwrite");
    assert_eq!(swapped(&world, &swap).await, superseded);
    assert_eq!(rows(&world), 1);
}

#[tokio::test]
async fn positions_of_appends_are_untouched_and_appends_meanwhile_stay() {
    let world = World::new();
    let file = |n: i64| vec![parquet(&[(n, "x")])];
    let appends: Vec<_> = (0..4_u32)
        .map(|n| world.append(&spec(), "1", (n, n + 1), file(n.into())))
        .collect();
    world.commit(&spec(), &appends[..3]).await;
    let three: Vec<&CommitRequest> = appends[..3].iter().collect();
    let swap = swap_of(&world, &three[0].source, &three, &[&[(0, "x"), (1, "x"), (2, "x")]]);
    let done = work(&world, &appends[3..], &[asked(&swap)]).await;
    assert_eq!(
        (done.outcomes, done.maintained),
        (vec![Ok(Outcome::Applied)], vec![Ok(Outcome::Applied)])
    );
    assert_eq!(
        done.changed.unwrap().operation,
        "overwrite",
        "rows came beside the swap"
    );
    assert_eq!((world.live(&spec(), None).len(), rows(&world)), (2, 4));
    let again = world.commit(&spec(), &appends).await;
    assert!(
        again
            .outcomes
            .iter()
            .all(|outcome| *outcome == Ok(Outcome::AlreadyApplied))
    );
    assert_eq!(rows(&world), 4);
}

#[tokio::test]
async fn what_is_no_swap_is_a_fault_and_fails_alone() {
    let world = World::new();
    let first = parts(&world, 1);
    let other = world.request(&spec(), "b", 1, &[&[(1, "b")]]);
    world.commit(&spec(), &[first.clone(), other.clone()]).await;
    let good = packed(&world, &first);
    let swap = |files: &[Rows]| Swap {
        files: swap_of(&world, &first.source, &[&first], files).files,
        ..good.clone()
    };
    let wrong = [
        (swap(&[&[(1, "a")]]), "4 rows go and 1 come, 0 are to be erased"),
        (
            Swap {
                erased_rows: 1,
                ..good.clone()
            },
            "4 rows go and 4 come, 1 are to be erased",
        ),
        (
            swap(&[&[(1, "a"), (2, "b")], &[(12, "c"), (13, "d")]]),
            "of several partitions",
        ),
        (
            swap_of(
                &world,
                &first.source,
                &[&first],
                &[&[(1, "a"), (2, "b"), (3, "c")], &[(4, "d"), (5, "e")]],
            ),
            "of several partitions",
        ),
        (
            Swap {
                prefix: first.prefix.clone(),
                ..good.clone()
            },
            "no source's prefix",
        ),
        (
            Swap {
                prefix: "s3://lake/elsewhere/data/0a/".into(),
                ..good.clone()
            },
            "no source's prefix",
        ),
        (
            Swap {
                replaced: Vec::new(),
                ..good.clone()
            },
            "replaces 0 files; 1 to 1000",
        ),
        (
            Swap {
                replaced: vec![good.replaced[0].clone(); 2],
                ..good.clone()
            },
            "twice",
        ),
        (
            Swap {
                replaced: vec!["x".into(); 1_001],
                ..good.clone()
            },
            "replaces 1001 files",
        ),
        (
            Swap {
                files: vec![StagedFile {
                    path: "nothing".into(),
                    bytes: 9,
                    rows: 4,
                }],
                ..good.clone()
            },
            "nothing",
        ),
    ];
    let all: Vec<_> = wrong
        .iter()
        .map(|(swap, _)| asked(swap))
        .chain([asked(&good)])
        .collect();
    let before = world.version(&spec()).await;
    let done = work(&world, &[], &all[..wrong.len()]).await;
    for ((_, expected), outcome) in wrong.iter().zip(&done.maintained) {
        let error = outcome.clone().unwrap_err();
        assert!(
            error.kind == Kind::Fault && error.message.contains(expected),
            "{expected}: {error}"
        );
    }
    assert_eq!(world.version(&spec()).await, before);
    let done = work(&world, &[], &all).await;
    assert_eq!(done.maintained.last(), Some(&Ok(Outcome::Applied)));
    assert_eq!((world.live(&spec(), None).len(), rows(&world)), (3, 6));
}

#[tokio::test]
async fn rows_that_are_erased_are_told() {
    let world = World::new();
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    let some = Swap {
        erased_rows: 1,
        ..swap_of(
            &world,
            &first.source,
            &[&CommitRequest {
                files: first.files[..3].to_vec(),
                ..first.clone()
            }],
            &[&PACKED[..3]],
        )
    };
    let all = Swap {
        erased_rows: 1,
        ..swap_of(
            &world,
            &first.source,
            &[&CommitRequest {
                files: first.files[3..].to_vec(),
                ..first.clone()
            }],
            &[],
        )
    };
    let done = work(&world, &[], &[asked(&some), asked(&all)]).await;
    assert_eq!(done.maintained, [Ok(Outcome::Applied), Ok(Outcome::Applied)]);
    let changed = done.changed.unwrap();
    assert_eq!(
        (changed.operation.as_str(), changed.removed_rows, changed.added_rows),
        ("overwrite", 5, 3)
    );
    assert_eq!(rows(&world), 3);
    for swap in [&some, &all] {
        assert_eq!(swapped(&world, swap).await, Ok(Outcome::AlreadyApplied));
    }
    assert_eq!(
        world.commit(&spec(), &[first]).await.outcomes,
        [Ok(Outcome::AlreadyApplied)],
        "it does not bring them back"
    );
    assert_eq!(rows(&world), 3);
}

#[tokio::test]
async fn our_own_swaps_are_not_taken_for_those_of_another_engine() {
    let world = World::new();
    let first = parts(&world, 1);
    world.commit(&spec(), std::slice::from_ref(&first)).await;
    assert_eq!(swapped(&world, &packed(&world, &first)).await, Ok(Outcome::Applied));
    for n in 0..12 {
        world
            .commit(&spec(), &[world.request(&spec(), &format!("c{n}"), 1, &[&[(40, "c")]])])
            .await;
    }
    world.host.pass(100 * DAY_MS);
    let expire = MaintenanceRequest {
        maintain: Maintain::ExpireSnapshots {
            as_of_ms: i64::MAX,
            erased_before_ms: None,
        },
        ..asked(&packed(&world, &first))
    };
    assert_eq!(work(&world, &[], &[expire]).await.maintained, [Ok(Outcome::Applied)]);
    let metadata = world.metadata(&spec()).unwrap();
    assert!(
        metadata
            .snapshots()
            .all(|s| s.summary().operation.as_str() != "replace")
    );
    assert!(!metadata.properties().contains_key("watershed.rewritten"));
}

#[tokio::test]
async fn no_table_is_made_for_a_swap() {
    let world = World::new();
    let swap = packed(&world, &parts(&world, 1));
    assert_eq!(
        swapped(&world, &swap).await,
        Ok(Outcome::AlreadyApplied),
        "there is nothing to pack"
    );
    assert_eq!(world.metadata(&spec()), None);
}
