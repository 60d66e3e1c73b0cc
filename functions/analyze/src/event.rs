//! What the function is woken by.

use serde::Deserialize;
use watershed_kinesis::{BadEvent, Event};

/// What there is to do.
#[derive(Debug)]
pub enum Asked<'a> {
    /// Records of a shard, in their order, each once.
    Records(Event<'a>),
    /// Shards that get no records go on with the clock.
    Tick {
        /// Of that stream.
        stream: String,
    },
}

/// `{"tick": {"stream": "readings"}}`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TickEvent {
    tick: Tick,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Tick {
    stream: String,
}

impl<'a> Asked<'a> {
    /// Of the invocation's JSON.
    ///
    /// # Errors
    /// It is neither.
    pub fn parse(text: &'a [u8]) -> Result<Self, BadEvent> {
        let mut event = match Event::parse(text) {
            Ok(event) => event,
            Err(error) => {
                let tick = serde_json::from_slice(text).map(|TickEvent { tick }| Self::Tick { stream: tick.stream });
                return tick.map_err(|_| error);
            }
        };
        // Lambda sends them so; a hand-made event may not.
        event.records.sort_by_key(|entry| entry.sequence);
        event.records.dedup_by_key(|entry| entry.sequence);
        Ok(Self::Records(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tick_names_its_stream() {
        let asked = Asked::parse(br#"{"tick": {"stream": "readings"}}"#).unwrap();
        assert!(matches!(asked, Asked::Tick { stream } if stream == "readings"));
        for bad in [
            &b"{}"[..],
            br#"{"tick": {}}"#,
            br#"{"tick": {"stream": "a", "b": 1}}"#,
            b"[",
            b"",
        ] {
            let error = Asked::parse(bad).unwrap_err().to_string();
            assert!(error.starts_with("not an event of Kinesis"), "{error}");
        }
    }

    #[test]
    fn records_come_in_their_order_and_once() {
        let record = |sequence: &str| {
            format!(
                r#"{{"kinesis": {{"partitionKey": "d", "sequenceNumber": "{sequence}", "data": "e30=", "approximateArrivalTimestamp": 1.5}},
                "eventSource": "aws:kinesis", "eventID": "shardId-000000000000:{sequence}", "eventSourceARN": "arn:aws:kinesis:r:1:stream/s"}}"#
            )
        };
        let text = format!(r#"{{"Records": [{}]}}"#, ["9", "100", "9", "20"].map(record).join(","));
        let Asked::Records(event) = Asked::parse(text.as_bytes()).unwrap() else {
            panic!("records");
        };
        let sequences: Vec<String> = event.records.iter().map(|entry| entry.sequence.to_string()).collect();
        assert_eq!(sequences, ["9", "20", "100"]);
    }
}
