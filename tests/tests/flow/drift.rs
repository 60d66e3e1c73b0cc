//! Columns that nobody named stand in the table, each from the source that has it.

use crate::cloud;
use serde_json::json;
use std::sync::PoisonError;

#[test]
fn columns_that_sources_add_are_read_by_others() {
    let cloud = cloud();
    let _flowing = cloud.deliveries.read().unwrap_or_else(PoisonError::into_inner);
    cloud.put("flow/drifting/a.csv", "id,note,height,Colour\n1,x,10,red\n");
    cloud.put("flow/drifting/b.csv", "Size,id,note\nXL,2,y\n");
    cloud.put("flow/drifting/c.csv", "id\n3\n");
    cloud.until_rows("flow", "drifting", 3);
    let found =
        cloud.ask("SELECT id, note, CAST(height AS VARCHAR) AS height, colour, size FROM flow.drifting ORDER BY id");
    assert_eq!(
        found,
        json!([
            {"id": 1, "note": "x", "height": "3.0480", "colour": "red", "size": null},
            {"id": 2, "note": "y", "height": null, "colour": null, "size": "XL"},
            {"id": 3, "note": null, "height": null, "colour": null, "size": null},
        ])
    );
}
