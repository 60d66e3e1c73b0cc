//! [`EventBus`] over Amazon EventBridge.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::{
    Client,
    types::{PutEventsRequestEntry, PutEventsResultEntry},
};
use watershed_aws::port_error;
use watershed_ports::{EventBus, Kind, PortError};

/// Largest entry, in bytes: source, detail type and detail together (Amazon EventBridge, "Calculating PutEvents event entry
/// size"; 14 bytes are for the time).
pub const MAX_ENTRY_BYTES: usize = 256 * 1024 - 14;
/// Most entries of a call (Amazon EventBridge API, "PutEvents"). All of them together are no larger than [`MAX_ENTRY_BYTES`].
pub const MAX_ENTRIES: usize = 10;
/// Codes of an entry that may pass when it is put again.
const TRANSIENTS: [&str; 2] = ["ThrottlingException", "InternalFailure"];

/// One bus.
#[derive(Debug, Clone)]
pub struct EventBridge {
    client: Client,
    bus: String,
}

impl EventBridge {
    /// The bus of that name or ARN.
    pub fn new(config: &SdkConfig, bus: &str) -> Self {
        Self {
            client: Client::new(config),
            bus: bus.into(),
        }
    }

    /// One call; the entries are few and small enough for it.
    async fn put(&self, doing: &str, entries: Vec<PutEventsRequestEntry>) -> Result<(), PortError> {
        let answer = self.client.put_events().set_entries(Some(entries)).send().await;
        let answer = answer.map_err(|error| port_error(doing, &error))?;
        // The call succeeds although entries fail.
        match answer.failed_entry_count() {
            0 => Ok(()),
            failed => Err(entries_error(doing, failed, answer.entries())),
        }
    }
}

/// What cannot pass counts more than what may: sent again, it fails again.
fn entries_error(doing: &str, failed: i32, entries: &[PutEventsResultEntry]) -> PortError {
    let code = |entry: &&PutEventsResultEntry| entry.error_code().unwrap_or_default().to_string();
    let mut wrong: Vec<&PutEventsResultEntry> = entries.iter().filter(|entry| entry.error_code().is_some()).collect();
    wrong.sort_by_key(|entry| TRANSIENTS.contains(&code(entry).as_str()));
    let (code, message) = wrong.first().map_or(("unknown".into(), ""), |entry| {
        (code(entry), entry.error_message().unwrap_or_default())
    });
    let kind = if TRANSIENTS.contains(&code.as_str()) {
        Kind::Transient
    } else {
        Kind::Fault
    };
    PortError::new(
        kind,
        format!("{doing}: {failed} of {} entries: {code}: {message}", entries.len()),
    )
}

#[async_trait]
impl EventBus for EventBridge {
    async fn publish(&self, source: &str, detail_type: &str, detail: String) -> Result<(), PortError> {
        self.publish_all(source, detail_type, vec![detail]).await
    }

    async fn publish_all(&self, source: &str, detail_type: &str, details: Vec<String>) -> Result<(), PortError> {
        let doing = format!("putting {detail_type} on event bus {}", self.bus);
        let around = source.len() + detail_type.len();
        let largest = around + details.iter().map(String::len).max().unwrap_or(0);
        if largest > MAX_ENTRY_BYTES {
            return Err(PortError::fault(format!(
                "{doing}: the event has {largest} bytes, a bus takes {MAX_ENTRY_BYTES}"
            )));
        }
        for call in calls(details, around) {
            let entries = call.into_iter().map(|detail| {
                PutEventsRequestEntry::builder()
                    .event_bus_name(&self.bus)
                    .source(source)
                    .detail_type(detail_type)
                    .detail(detail)
                    .build()
            });
            self.put(&doing, entries.collect()).await?;
        }
        Ok(())
    }
}

/// The details of each call. Each entry has `around` bytes more than its detail, and no entry is too large by itself.
fn calls(details: Vec<String>, around: usize) -> impl Iterator<Item = Vec<String>> {
    watershed_aws::calls(details, MAX_ENTRIES, MAX_ENTRY_BYTES, move |detail| {
        around + detail.len()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn every_call_is_as_full_as_it_may_be_and_no_fuller(
            sizes in prop::collection::vec(prop_oneof![0_usize..200, 20_000_usize..100_000, Just(MAX_ENTRY_BYTES - 20)], 0..40)
        ) {
            let around = 20;
            let details: Vec<String> = sizes.iter().map(|bytes| "d".repeat(*bytes)).collect();
            let calls: Vec<Vec<String>> = calls(details.clone(), around).collect();
            prop_assert_eq!(calls.concat(), details);
            let bytes = |call: &[String]| call.iter().map(|detail| around + detail.len()).sum::<usize>();
            for call in &calls {
                prop_assert!((1..=MAX_ENTRIES).contains(&call.len()) && bytes(call) <= MAX_ENTRY_BYTES);
            }
            for pair in calls.windows(2) {
                let with_next = bytes(&pair[0]) + bytes(&pair[1][..1]);
                prop_assert!(pair[0].len() == MAX_ENTRIES || with_next > MAX_ENTRY_BYTES);
            }
        }
    }

    #[test]
    fn what_cannot_pass_counts_more_than_what_may() {
        let entry = |code: Option<&str>| {
            let entry = PutEventsResultEntry::builder().set_error_code(code.map(Into::into));
            entry
                .set_error_message(code.map(|code| format!("because of {code}")))
                .build()
        };
        let (fine, throttled) = (entry(None), entry(Some("ThrottlingException")));
        let error = entries_error("putting", 1, &[fine.clone(), throttled.clone()]);
        assert_eq!(error.kind, Kind::Transient);
        assert_eq!(
            error.message,
            "putting: 1 of 2 entries: ThrottlingException: because of ThrottlingException"
        );
        let error = entries_error("putting", 2, &[throttled, fine, entry(Some("MalformedDetail"))]);
        assert_eq!(error.kind, Kind::Fault);
        assert!(error.message.contains("MalformedDetail"), "{error}");
    }
}
