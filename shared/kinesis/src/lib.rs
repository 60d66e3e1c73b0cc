//! Records of Amazon Kinesis Data Streams as Lambda hands them over: the event's JSON to user records, in one pass over its bytes.
//!
//! ```text
//! event ─scan─▶ Kinesis records ─base64─▶ data ─┬─ aggregate of the KPL ─▶ its user records ─┬─ gzip ─▶ user records
//!                                               └─ anything else: one user record ───────────┘
//! ```
//! | module | knows |
//! |---|---|
//! | `event`, `scan` | the event's JSON: what is not needed is gone over, what is needed is borrowed |
//! | `layout` | records that are written as the one before |
//! | `sequence` | sequence numbers, in their order |
//! | `aggregate` | the format in which producers put many records in one |
//! | `inflate` | gzip, bounded |
//! | `unpack` | all of it, a batch of user records at a time, their data one behind the other |
//! | `hash` | which shard a key belongs to |
//!
//! Nothing of a user record is looked at but whether it is compressed. No input panics; what cannot be unpacked is a record with a
//! [`Damage`], and none is left out.
//!
//! ```
//! use watershed_kinesis::{Batch, Event, Unpacker};
//!
//! let event = br#"{"Records": [{"kinesis": {"partitionKey": "d7", "sequenceNumber": "49590338271490256608559692538361571095921575989136588898",
//!     "data": "eyJhIjoxfQ==", "approximateArrivalTimestamp": 1545084650.987}, "eventSource": "aws:kinesis",
//!     "eventID": "shardId-000000000006:49590338271490256608559692538361571095921575989136588898",
//!     "eventSourceARN": "arn:aws:kinesis:us-east-2:123456789012:stream/readings"}]}"#;
//! let event = Event::parse(event)?;
//! let (mut unpacker, mut batch) = (Unpacker::new(&event), Batch::default());
//! while unpacker.fill(&mut batch) {
//!     for record in &batch.records {
//!         assert_eq!((batch.data(record), batch.partition_key(record, &event)), (&br#"{"a":1}"#[..], "d7"));
//!     }
//! }
//! # Ok::<(), watershed_kinesis::BadEvent>(())
//! ```

mod aggregate;
mod event;
mod hash;
mod inflate;
mod layout;
mod scan;
mod sequence;
mod unpack;

pub use event::{BadEvent, Entry, Event, MAX_EVENT_BYTES};
pub use hash::{HashRange, hash_key};
pub use inflate::{MAX_INFLATED_BYTES, MAX_RECORD_BYTES};
pub use sequence::{MAX_SEQUENCE_DIGITS, Sequence};
pub use unpack::{BATCH_BYTES, Batch, Damage, Unpacker, UserRecord};
