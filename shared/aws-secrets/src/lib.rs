//! [`Secrets`] over AWS Secrets Manager.

use async_trait::async_trait;
use aws_config::SdkConfig;
use aws_sdk_secretsmanager::Client;
use watershed_aws::port_error;
use watershed_ports::{PortError, Secret, Secrets};

/// The secrets of an account.
#[derive(Debug, Clone)]
pub struct SecretsManager {
    client: Client,
}

impl SecretsManager {
    /// Of that account.
    pub fn new(config: &SdkConfig) -> Self {
        Self {
            client: Client::new(config),
        }
    }
}

#[async_trait]
impl Secrets for SecretsManager {
    async fn read(&self, name: &str) -> Result<Secret<Vec<u8>>, PortError> {
        let answer = self.client.get_secret_value().secret_id(name).send().await;
        let value = answer.map_err(|error| port_error(&format!("reading the secret {name}"), &error))?;
        let text = value.secret_string.map(String::into_bytes);
        let bytes = text.or_else(|| {
            value
                .secret_binary
                .map(aws_sdk_secretsmanager::primitives::Blob::into_inner)
        });
        bytes
            .filter(|bytes| !bytes.is_empty())
            .map(Secret::new)
            .ok_or_else(|| PortError::fault(format!("the secret {name} is empty: put a value in it")))
    }
}
