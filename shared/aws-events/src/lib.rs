//! [`EventBus`] over Amazon EventBridge.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_eventbridge::{Client, types::PutEventsRequestEntry};
use watershed_aws::port_error;
use watershed_ports::{EventBus, Kind, PortError};

/// Largest entry, in bytes: source, detail type and detail together (Amazon EventBridge, "Calculating PutEvents event entry
/// size"; 14 bytes are for the time).
pub const MAX_ENTRY_BYTES: usize = 256 * 1024 - 14;
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
}

#[async_trait]
impl EventBus for EventBridge {
    async fn publish(&self, source: &str, detail_type: &str, detail: String) -> Result<(), PortError> {
        let doing = format!("putting {detail_type} on event bus {}", self.bus);
        let bytes = source.len() + detail_type.len() + detail.len();
        if bytes > MAX_ENTRY_BYTES {
            return Err(PortError::fault(format!(
                "{doing}: the event has {bytes} bytes, a bus takes {MAX_ENTRY_BYTES}"
            )));
        }
        let entry = PutEventsRequestEntry::builder()
            .event_bus_name(&self.bus)
            .source(source)
            .detail_type(detail_type)
            .detail(detail)
            .build();
        let answer = self
            .client
            .put_events()
            .entries(entry)
            .send()
            .await
            .map_err(|error| port_error(&doing, &error))?;
        // The call succeeds although entries fail.
        if answer.failed_entry_count() == 0 {
            return Ok(());
        }
        let failed = answer.entries().iter().find(|entry| entry.error_code().is_some());
        let (code, message) = failed.map_or(("unknown", ""), |entry| {
            (
                entry.error_code().unwrap_or("unknown"),
                entry.error_message().unwrap_or_default(),
            )
        });
        let kind = if TRANSIENTS.contains(&code) {
            Kind::Transient
        } else {
            Kind::Fault
        };
        Err(PortError::new(kind, format!("{doing}: {code}: {message}")))
    }
}
