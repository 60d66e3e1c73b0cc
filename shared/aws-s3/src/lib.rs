//! [`ObjectStore`] over Amazon S3.

mod conditional;
mod lifecycle;
mod upload;

pub use lifecycle::{MAX_RULES, S3Lifecycle};

use async_trait::async_trait;
use aws_config::{SdkConfig, retry::RetryConfig};
use aws_sdk_s3::{
    Client,
    config::Builder,
    error::SdkError,
    operation::get_object::{GetObjectError, GetObjectOutput},
    primitives::ByteStream as Body,
    types::Object,
};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use std::path::Path;
use watershed_aws::port_error;
use watershed_ports::{ByteStream, Listed, MAX_LISTED, ObjectId, ObjectMeta, ObjectStore, PortError};

/// Its clients are shared by every call.
#[derive(Debug, Clone)]
pub struct S3Store {
    client: Client,
    /// Without retries: a conditional write whose lost answer is retried looks like a conflict with somebody else.
    once: Client,
}

impl S3Store {
    /// Of that configuration.
    pub fn new(config: &SdkConfig) -> Self {
        let once = config.to_builder().retry_config(RetryConfig::disabled()).build();
        Self {
            client: client(config),
            once: client(&once),
        }
    }

    /// At most [`RANGE_BYTES`] from `offset` on, and what is known of the whole object.
    async fn get_from(&self, id: &ObjectId, offset: u64) -> Result<(ObjectMeta, ByteStream), PortError> {
        let range = format!("bytes={offset}-{}", offset.saturating_add(RANGE_BYTES - 1));
        let output = match self.get(id, Some(range)).await {
            // An empty object has no range.
            Err(error) if offset == 0 && status(&error) == Some(RANGE_NOT_SATISFIABLE) => self.get(id, None).await,
            answer => answer,
        };
        let output = output.map_err(|error| get_error(id, &error))?;
        let name = format!("s3://{}/{}", id.bucket, id.key);
        // `bytes 0-9/1234`; without a range, the whole.
        let total = output
            .content_range()
            .and_then(|range| range.rsplit_once('/')?.1.parse().ok());
        let meta = ObjectMeta {
            bytes: total.unwrap_or_else(|| output.content_length().unwrap_or(0).unsigned_abs()),
            etag: output.e_tag().unwrap_or_default().trim_matches('"').into(),
        };
        let stream = futures::stream::unfold(output.body, |mut body| async {
            body.next().await.map(|item| (item, body))
        })
        .map(move |item| item.map_err(|e| PortError::transient(format!("reading {name}: the connection broke: {e}"))));
        Ok((meta, stream.boxed()))
    }

    async fn get(&self, id: &ObjectId, range: Option<String>) -> Result<GetObjectOutput, SdkError<GetObjectError>> {
        self.client
            .get_object()
            .bucket(&id.bucket)
            .key(&id.key)
            .set_version_id(id.version_id.clone())
            .set_if_match(id.if_match.clone())
            .set_range(range)
            .send()
            .await
    }
}

/// Buckets stand in the path where an endpoint is set: emulators have no names for them.
fn client(config: &SdkConfig) -> Client {
    let custom_endpoint = config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL").is_some();
    Client::from_conf(Builder::from(config).force_path_style(custom_endpoint).build())
}

/// Bytes that are asked for at once: who reads the beginning, or a part, of a large object has not asked for all the rest.
const RANGE_BYTES: u64 = 64 << 20;
/// Status of an `If-Match` that does not hold.
const PRECONDITION_FAILED: u16 = 412;
/// Status of a range that begins behind the end.
const RANGE_NOT_SATISFIABLE: u16 = 416;

fn status(error: &SdkError<GetObjectError>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

fn get_error(id: &ObjectId, error: &SdkError<GetObjectError>) -> PortError {
    let doing = format!("reading s3://{}/{}", id.bucket, id.key);
    let code = error.as_service_error().and_then(|e| e.meta().code());
    match (code, status(error)) {
        (Some("NoSuchKey" | "NoSuchVersion"), _) => PortError::rejected(format!("{doing}: it is not there (any more)")),
        (_, Some(PRECONDITION_FAILED)) => PortError::rejected(format!(
            "{doing}: it was overwritten since; the newer version has an event of its own"
        )),
        _ => port_error(&doing, error),
    }
}

fn put_doing(bucket: &str, key: &str) -> String {
    format!("writing s3://{bucket}/{key}")
}

#[async_trait]
impl ObjectStore for S3Store {
    async fn open(&self, id: &ObjectId, offset: u64) -> Result<(ObjectMeta, ByteStream), PortError> {
        let (meta, first) = self.get_from(id, offset).await?;
        // The ranges behind are of the same bytes.
        let id = ObjectId {
            if_match: Some(meta.etag.clone()),
            ..id.clone()
        };
        let (store, bytes) = (self.clone(), meta.bytes);
        let begins = (1..)
            .map(move |n| offset.saturating_add(n * RANGE_BYTES))
            .take_while(move |begin| *begin < bytes);
        let behind = futures::stream::iter(begins).then(move |begin| {
            let (store, id) = (store.clone(), id.clone());
            async move { store.get_from(&id, begin).await.map(|(_, range)| range) }
        });
        Ok((meta, first.chain(behind.try_flatten()).boxed()))
    }

    async fn read_range(&self, id: &ObjectId, start: u64, end: u64) -> Result<Bytes, PortError> {
        if end <= start {
            return Ok(Bytes::new());
        }
        match self.get(id, Some(format!("bytes={start}-{}", end - 1))).await {
            Err(error) if status(&error) == Some(RANGE_NOT_SATISFIABLE) => Ok(Bytes::new()),
            Err(error) => Err(get_error(id, &error)),
            Ok(output) => collect(id, output).await,
        }
    }

    async fn read(&self, id: &ObjectId) -> Result<Bytes, PortError> {
        collect(id, self.get(id, None).await.map_err(|error| get_error(id, &error))?).await
    }

    async fn put(&self, bucket: &str, key: &str, body: Bytes) -> Result<(), PortError> {
        let request = self.client.put_object().bucket(bucket).key(key).body(Body::from(body));
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&put_doing(bucket, key), &error))
    }

    async fn put_if(&self, bucket: &str, key: &str, body: Bytes, expected: Option<&str>) -> Result<String, PortError> {
        conditional::put_if(&self.once, bucket, key, body, expected).await
    }

    async fn put_file(&self, bucket: &str, key: &str, path: &Path) -> Result<(), PortError> {
        upload::put_file(&self.client, bucket, key, path).await
    }

    async fn list(&self, bucket: &str, prefix: &str, after: Option<&str>) -> Result<Vec<Listed>, PortError> {
        let request = self.client.list_objects_v2().bucket(bucket).prefix(prefix);
        let request = request
            .set_start_after(after.map(Into::into))
            .max_keys(MAX_LISTED as i32);
        let page = request
            .send()
            .await
            .map_err(|error| port_error(&format!("listing s3://{bucket}/{prefix}"), &error))?;
        Ok(page
            .contents
            .unwrap_or_default()
            .into_iter()
            .filter_map(listed)
            .collect())
    }

    async fn delete(&self, bucket: &str, key: &str) -> Result<(), PortError> {
        let request = self.client.delete_object().bucket(bucket).key(key);
        request
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&format!("deleting s3://{bucket}/{key}"), &error))
    }
}

/// S3 gives every object of a listing its key.
fn listed(object: Object) -> Option<Listed> {
    Some(Listed {
        key: object.key?,
        meta: ObjectMeta {
            bytes: object.size.unwrap_or(0).unsigned_abs(),
            etag: object.e_tag.unwrap_or_default().trim_matches('"').into(),
        },
        modified_ms: object
            .last_modified
            .and_then(|time| time.to_millis().ok())
            .unwrap_or(i64::MAX),
    })
}

async fn collect(id: &ObjectId, output: GetObjectOutput) -> Result<Bytes, PortError> {
    let body = output.body.collect().await;
    let body = body.map_err(|e| {
        PortError::transient(format!(
            "reading s3://{}/{}: the connection broke: {e}",
            id.bucket, id.key
        ))
    })?;
    Ok(body.into_bytes())
}
