//! Time and chance of the machine.

use async_trait::async_trait;
use std::time::Duration;
use uuid::Uuid;
use watershed_table::Host;

/// The machine's clock and randomness.
#[derive(Debug, Clone, Copy)]
pub struct Machine;

#[async_trait]
impl Host for Machine {
    fn now_ms(&self) -> i64 {
        watershed_ops::now_ms()
    }

    fn uuid(&self) -> Uuid {
        Uuid::new_v4()
    }

    async fn sleep_ms(&self, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
}
