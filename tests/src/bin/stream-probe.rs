//! A function for tests of streams: writes down which records it got, a line an invocation, in the file that `SEEN` names. Fails where a
//! record has the note `fail`, and reports those that have the note `report`.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use serde_json::{Value, json};
use std::{fs::OpenOptions, io::Write as _};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    lambda_runtime::run(service_fn(handle)).await
}

async fn handle(event: LambdaEvent<Value>) -> Result<Value, Error> {
    let records = event.payload["Records"]
        .as_array()
        .ok_or("an event of a stream has Records")?;
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
