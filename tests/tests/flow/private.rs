//! Personal data is hashed with the key that the template made.

use crate::cloud;
use std::sync::PoisonError;

#[test]
fn equal_people_have_equal_hashes_and_nobody_a_name() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    let people = "id,email,phone\n1,Ann@example.org,555-1\n2,ann@example.org,555-2\n3,bob@example.org,555-3\nx,carol@example.org,555-4\n";
    cloud.put("flow/people/all.csv", people);
    cloud.until_rows("flow", "people", 3);
    cloud.until_rows("flow", "people_quarantine", 1);
    let found = cloud.ask("SELECT * FROM flow.people ORDER BY id");
    let hashes: Vec<&str> = (0..3)
        .map(|row| found[row]["email"].as_str().expect("a hash"))
        .collect();
    assert!(hashes.iter().all(|hash| hash.len() == 64), "{hashes:?}");
    assert!(hashes[0] == hashes[1] && hashes[1] != hashes[2], "{hashes:?}");
    let refused = cloud.ask("SELECT raw, message FROM flow.people_quarantine").to_string();
    for private in ["@example.org", "555-"] {
        assert!(!found.to_string().contains(private), "{found}");
        assert!(!refused.contains(private), "{refused}");
    }
}
