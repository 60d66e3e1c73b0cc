//! What every AWS adapter shares: how clients are configured, what kind of error an SDK error is, and how many things go into a call.

mod calls;

pub use calls::calls;

use aws_config::{BehaviorVersion, SdkConfig, retry::RetryConfig, timeout::TimeoutConfig};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{http::SharedHttpClient, orchestrator::HttpResponse, result::SdkError};
use aws_smithy_types::error::{display::DisplayErrorContext, metadata::ProvideErrorMetadata};
use std::time::Duration;
use watershed_ports::{Kind, PortError};

/// Longest one attempt of a call.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest a call with all its attempts.
pub const OPERATION_TIMEOUT: Duration = Duration::from_secs(60);
/// Longest until a connection stands.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Attempts a call.
pub const MAX_ATTEMPTS: u32 = 4;

/// Region, credentials and endpoints from the environment. Make it on the first use: loading root certificates is what a
/// cold start would notice most.
pub async fn sdk_config() -> SdkConfig {
    aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(https_client())
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        )
        .retry_config(RetryConfig::standard().with_max_attempts(MAX_ATTEMPTS))
        .load()
        .await
}

/// How the service is reached: TLS over ring, by the system's root certificates.
pub fn https_client() -> SharedHttpClient {
    Builder::new()
        .tls_provider(Provider::Rustls(CryptoMode::Ring))
        .build_https()
}

/// Error codes of a caller that goes too fast, of any service.
const THROTTLES: [&str; 8] = [
    "Throttling",
    "ThrottlingException",
    "ThrottledException",
    "TooManyRequestsException",
    "RequestLimitExceeded",
    "SlowDown",
    "RequestThrottled",
    "ResourceNumberLimitExceededException",
];

/// The kind that an SDK error is of, where the caller knows no better of its code: what did not reach the service, timed
/// out, was throttled or failed inside the service may pass; what the service refused is a fault.
pub fn port_error<E>(doing: &str, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let status = error.raw_response().map(|response| response.status().as_u16());
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    let kind = match error {
        SdkError::ServiceError(_) if status >= Some(500) || status == Some(429) => Kind::Transient,
        SdkError::ServiceError(_) if code.is_some_and(|code| THROTTLES.contains(&code)) => Kind::Transient,
        SdkError::ServiceError(_) | SdkError::ConstructionFailure(_) => Kind::Fault,
        _ => Kind::Transient,
    };
    PortError::new(kind, format!("{doing}: {}", DisplayErrorContext(error)))
}
