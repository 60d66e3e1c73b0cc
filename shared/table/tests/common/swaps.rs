//! Requests for swaps, and the files that they bring.
#![allow(dead_code, reason = "each test binary uses its part")]

use super::{LAKE, World, parquet, spec};
use watershed_lake::{
    CommitRequest, LakeLocation, Maintain, MaintenanceRequest, StagedFile, Swap,
    layout::{Digest, source_prefix, split_uri},
};
use watershed_table::{Batch, Committed, Outcome};

pub type Rows = &'static [(i64, &'static str)];

/// Puts files of these rows under the prefix of the source and asks to swap the files of the requests for them.
pub fn swap_of(world: &World, source: &str, requests: &[&CommitRequest], files: &[Rows]) -> Swap {
    let prefix = source_prefix(&LakeLocation::bucket(LAKE).table(&spec()), source);
    let replaced = requests.iter().flat_map(|request| {
        let below = request.prefix.strip_prefix(&prefix).unwrap().to_string();
        request.files.iter().map(move |file| format!("{below}{}", file.path))
    });
    let replaced: Vec<String> = replaced.collect();
    let staged = files.iter().enumerate().map(|(number, rows)| {
        // Of other rows or of other files, it is another file.
        let mut digest = Digest::new();
        digest.part(format!("{replaced:?} {rows:?}").as_bytes());
        let path = format!("{}/{number}.parquet", digest.short());
        let (bytes, rows) = parquet(rows);
        let staged = StagedFile {
            path: path.clone(),
            bytes: bytes.len() as u64,
            rows,
        };
        let uri = format!("{prefix}{path}");
        let (bucket, key) = split_uri(&uri).unwrap();
        world.store.insert(bucket, key, bytes);
        staged
    });
    Swap {
        files: staged.collect(),
        replaced,
        prefix,
        erased_rows: 0,
    }
}

pub fn asked(swap: &Swap) -> MaintenanceRequest {
    MaintenanceRequest {
        table: spec().name,
        contract: "c".into(),
        maintain: Maintain::Swap(swap.clone()),
        trace: None,
    }
}

pub async fn work(world: &World, requests: &[CommitRequest], maintenance: &[MaintenanceRequest]) -> Committed {
    world.work(&spec(), Batch { requests, maintenance }).await
}

pub async fn swapped(world: &World, swap: &Swap) -> Result<Outcome, watershed_ports::PortError> {
    work(world, &[], &[asked(swap)]).await.maintained.remove(0)
}

pub fn rows(world: &World) -> u64 {
    world.live(&spec(), None).values().sum()
}

/// One source with three files of one partition and one of another.
pub fn parts(world: &World, version: u32) -> CommitRequest {
    world.request(
        &spec(),
        "a",
        version,
        &[&[(1, "a")], &[(2, "b"), (3, "c")], &[(4, "d")], &[(11, "x")]],
    )
}

pub const PACKED: Rows = &[(1, "a"), (2, "b"), (3, "c"), (4, "d")];

/// The swap of the three for one.
pub fn packed(world: &World, of: &CommitRequest) -> Swap {
    let mut of = of.clone();
    of.files.truncate(3);
    swap_of(world, &of.source, &[&of], &[PACKED])
}
