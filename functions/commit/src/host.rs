//! Time and chance of the machine.

use async_trait::async_trait;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use uuid::Uuid;
use watershed_table::Host;

/// The machine's clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

#[async_trait]
impl Host for Machine {
    fn now_ms(&self) -> i64 {
        SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |since| since.as_millis() as i64)
    }

    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
