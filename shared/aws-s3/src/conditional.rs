//! Writes that hold only if nobody else wrote (Amazon S3 User Guide, "How to prevent object overwrites with conditional writes").

use crate::put_doing;
use aws_sdk_s3::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use bytes::Bytes;
use watershed_aws::port_error;
use watershed_ports::{PortError, lost_condition};

/// Codes that say that the condition does not hold: another object, or one although there was to be none; another write at the same time; no
/// object (any more) although there was to be one.
const CONFLICTS: [&str; 3] = ["PreconditionFailed", "ConditionalRequestConflict", "NoSuchKey"];

/// Writes the object if it still has that entity tag, or if there is none; gives the new tag. `once` is without retries.
pub async fn put_if(
    once: &Client,
    bucket: &str,
    key: &str,
    body: Bytes,
    expected: Option<&str>,
) -> Result<String, PortError> {
    let doing = put_doing(bucket, key);
    let request = once.put_object().bucket(bucket).key(key).body(body.into());
    let request = match expected {
        Some(etag) => request.if_match(format!("\"{etag}\"")),
        None => request.if_none_match("*"),
    };
    let written = request
        .send()
        .await
        .map_err(|error| put_error(&doing, expected, &error))?;
    let etag = written.e_tag().unwrap_or_default().trim_matches('"');
    if etag.is_empty() {
        return Err(PortError::fault(format!("{doing}: S3 gave no entity tag")));
    }
    Ok(etag.into())
}

fn put_error<E>(doing: &str, expected: Option<&str>, error: &SdkError<E, HttpResponse>) -> PortError
where
    E: std::error::Error + ProvideErrorMetadata + 'static,
{
    let code = error.as_service_error().and_then(ProvideErrorMetadata::code);
    match code {
        Some(code) if CONFLICTS.contains(&code) => {
            PortError::conflict(format!("{doing}: {} ({code})", lost_condition(expected)))
        }
        _ => port_error(doing, error),
    }
}
