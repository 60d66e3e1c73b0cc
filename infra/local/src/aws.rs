//! Clients of the local cloud.

use aws_config::{BehaviorVersion, Region, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_sdk_s3::config::{Credentials, SharedCredentialsProvider};
use std::time::Duration;

/// The one region of the local cloud.
pub const REGION: &str = "us-east-1";
/// Longest call, with its attempts.
const OPERATION_TIMEOUT: Duration = Duration::from_mins(2);

/// Configuration for the emulator at `endpoint`: nothing of the user's AWS settings is read.
pub fn config(endpoint: &str) -> SdkConfig {
    let credentials = Credentials::new("test", "test", None, None, "watershed-local");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(watershed_aws::https_client())
        .region(Region::from_static(REGION))
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .endpoint_url(endpoint)
        .retry_config(RetryConfig::standard())
        .timeout_config(TimeoutConfig::builder().operation_timeout(OPERATION_TIMEOUT).build())
        .build()
}

/// S3, with the bucket in the path.
pub fn s3(endpoint: &str) -> aws_sdk_s3::Client {
    let config = aws_sdk_s3::config::Builder::from(&config(endpoint))
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
