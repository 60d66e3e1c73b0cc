//! A function for tests of streams: writes down which records it got, a line an invocation, in the file that `SEEN` names. Fails where a
//! record has the note `fail`, and reports those that have the note `report`.

use lambda_runtime::Error;
use serde_json::{Value, json, value::RawValue};
use std::{fs::OpenOptions, io::Write as _};

fn main() -> Result<(), Error> {
    watershed_ops::run("stream-probe", (), |_, invocation, event: Box<RawValue>| async move {
        let answer = handle(event.get());
        invocation.finish("invocation");
        answer
    })
}

fn handle(event: &str) -> Result<Value, Error> {
    let event: Value = serde_json::from_str(event)?;
    let records = event["Records"].as_array().ok_or("an event of a stream has Records")?;
    let (mut seen, mut failures, mut fails) = (Vec::new(), Vec::new(), false);
    for record in records {
        let kinesis = &record["kinesis"];
        let data = aws_smithy_types::base64::decode(kinesis["data"].as_str().unwrap_or_default())?;
        let row: Value = serde_json::from_slice(&data)?;
        match row["note"].as_str() {
            Some("fail") => fails = true,
            Some("report") => failures.push(json!({"itemIdentifier": kinesis["sequenceNumber"]})),
            _ => {}
        }
        seen.push(row);
    }
    let mut file = OpenOptions::new()
        .create(true)
        .append(true)
        .open(std::env::var("SEEN")?)?;
    file.write_all(format!("{}\n", json!({"rows": seen, "fails": fails})).as_bytes())?;
    if fails {
        return Err("a record says that it fails".into());
    }
    Ok(json!({"batchItemFailures": failures}))
}
