//! An index stays for as long as its data file is needed, and its columns are declared.
#![allow(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod common;

use common::{DAY_MS, LAKE, World};
use std::time::{Duration, Instant};
use watershed_housekeep::sweep::{Budget, Grace, Kept, Ports, sweep};
use watershed_lake::{
    CommitRequest, LakeLocation,
    layout::{IndexPlaces, search::Piece, split_uri},
};

/// The declaration of the columns that are searched now.
const NOW: &str = "0d";

struct Swept {
    world: World,
    location: String,
}

impl Swept {
    /// Puts the index of the request's first file, by that declaration, and tells its key.
    fn index(&self, request: &CommitRequest, declaration: &str) -> String {
        let piece = Piece {
            file: format!("{}{}", request.prefix, request.files[0].path),
            number: 0,
            is_last: true,
        };
        let uri = IndexPlaces::new(&self.location, declaration).piece(&piece).unwrap();
        let (bucket, key) = split_uri(&uri).unwrap();
        assert_eq!(bucket, LAKE);
        self.world.store.insert(bucket, key, "words");
        key.into()
    }

    async fn sweep(&self, searched: Option<&str>) {
        let ports = Ports {
            store: &*self.world.store,
            catalog: &*self.world.catalog,
        };
        let grace = Grace {
            metadata_ms: 2 * DAY_MS,
            data_ms: 30 * DAY_MS,
        };
        let budget = Budget {
            deletes: 100,
            deadline: Instant::now() + Duration::from_mins(5),
        };
        let table = Kept {
            table: &self.world.specs[0].name,
            searched,
            erased_before_ms: None,
        };
        let swept = sweep(ports, table, grace, budget, self.world.now_day() * DAY_MS).await;
        assert!(swept.unwrap().unwrap().is_whole);
    }

    fn has(&self, keys: &[&String]) -> Vec<bool> {
        let objects = self.world.store.snapshot();
        keys.iter()
            .map(|key| objects.contains_key(&format!("{LAKE}/{key}")))
            .collect()
    }
}

#[tokio::test]
async fn indexes_go_with_their_files_and_their_columns() {
    let world = World::new();
    let location = LakeLocation::bucket(LAKE).table(&world.specs[0]);
    let swept = Swept { world, location };
    let day = swept.world.now_day();
    let live = swept.world.stage("a", 1, &[day]);
    let lost = swept.world.stage("lost", 1, &[day]);
    swept.world.commit(std::slice::from_ref(&live)).await;
    let (needed, of_lost) = (swept.index(&live, NOW), swept.index(&lost, NOW));
    let of_other_columns = swept.index(&live, "0e");
    let all = [&needed, &of_lost, &of_other_columns];
    swept.sweep(Some(NOW)).await;
    assert_eq!(swept.has(&all), [true, true, true], "what is young stays");
    swept.world.pass(31 * DAY_MS);
    swept.sweep(Some(NOW)).await;
    assert_eq!(swept.has(&all), [true, false, false]);
    // Nothing of the table is searched any more.
    swept.sweep(None).await;
    assert_eq!(swept.has(&all), [false, false, false]);
}
