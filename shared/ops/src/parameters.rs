//! Secrets and parameters: read on the first use, held for a while, read anew after it.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use watershed_ports::{PortError, Secret, Secrets};

/// Longest that a value is held: what was rotated is noticed within this time.
pub const MAX_AGE: Duration = Duration::from_mins(5);

/// A value, and when it was read.
struct Held {
    read: Instant,
    value: Secret<Vec<u8>>,
}

/// Values by name, shared by the invocations of one instance.
pub struct Parameters {
    secrets: Arc<dyn Secrets>,
    max_age: Duration,
    held: Mutex<BTreeMap<String, Held>>,
}

impl Parameters {
    /// Holds values for [`MAX_AGE`].
    pub fn new(secrets: Arc<dyn Secrets>) -> Self {
        Self::with_max_age(secrets, MAX_AGE)
    }

    /// Holds values for that long.
    pub fn with_max_age(secrets: Arc<dyn Secrets>, max_age: Duration) -> Self {
        Self {
            secrets,
            max_age,
            held: Mutex::default(),
        }
    }

    /// The value of a secret. Two that ask at once ask the service once.
    pub async fn secret(&self, name: &str) -> Result<Secret<Vec<u8>>, PortError> {
        let mut held = self.held.lock().await;
        if let Some(Held { read, value }) = held.get(name)
            && read.elapsed() < self.max_age
        {
            return Ok(value.clone());
        }
        let value = self.secrets.read(name).await?;
        let fresh = Held {
            read: Instant::now(),
            value: value.clone(),
        };
        held.insert(name.into(), fresh);
        Ok(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use watershed_ports::{Kind, faults::Fault, faults::Faults, memory::MemorySecrets};

    #[tokio::test]
    async fn a_value_is_read_once_and_anew_when_it_is_old() {
        let faults = Faults::default();
        let secrets = Arc::new(MemorySecrets::new(faults.clone()));
        secrets.insert("key", b"1");
        let parameters = Parameters::new(secrets.clone());
        for _ in 0..3 {
            assert_eq!(parameters.secret("key").await.unwrap().reveal(), b"1");
        }
        assert_eq!(faults.calls().len(), 1);
        let forgetful = Parameters::with_max_age(secrets.clone(), Duration::ZERO);
        forgetful.secret("key").await.unwrap();
        secrets.insert("key", b"2");
        assert_eq!(forgetful.secret("key").await.unwrap().reveal(), b"2");
        faults.plan(0, Fault::Refused(Kind::Transient));
        assert_eq!(forgetful.secret("key").await.unwrap_err().kind, Kind::Transient);
        assert_eq!(forgetful.secret("other").await.unwrap_err().kind, Kind::Fault);
    }
}
