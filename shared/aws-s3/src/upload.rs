//! A local file to one object: in one request where it is small, else in parts.

use crate::put_doing;
use aws_sdk_s3::{
    Client,
    primitives::ByteStream,
    types::{CompletedMultipartUpload, CompletedPart},
};
use std::{fs::File, io::Read, path::Path};
use watershed_aws::port_error;
use watershed_ports::PortError;

/// Bytes of a part; smaller files go in one request. Amazon S3, "Multipart upload limits": 5 MiB to 5 GiB, at most 10,000
/// parts, so a file has at most 156 GiB here.
const PART_BYTES: usize = 16 * 1024 * 1024;

/// The object stands whole once this returns, and not at all otherwise.
pub async fn put_file(client: &Client, bucket: &str, key: &str, path: &Path) -> Result<(), PortError> {
    let doing = put_doing(bucket, key);
    let io = |e: std::io::Error| PortError::fault(format!("{doing}: {}: {e}", path.display()));
    let mut file = File::open(path).map_err(io)?;
    let mut first = read_part(&mut file).map_err(io)?;
    if first.len() < PART_BYTES {
        let request = client
            .put_object()
            .bucket(bucket)
            .key(key)
            .body(ByteStream::from(first));
        return request
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&doing, &error));
    }
    let created = client.create_multipart_upload().bucket(bucket).key(key).send().await;
    let created = created.map_err(|error| port_error(&doing, &error))?;
    let upload_id = created.upload_id().unwrap_or_default().to_string();
    let mut parts = Vec::new();
    let sent = async {
        while !first.is_empty() {
            let number = parts.len() as i32 + 1;
            let body = ByteStream::from(std::mem::take(&mut first));
            let request = client
                .upload_part()
                .bucket(bucket)
                .key(key)
                .upload_id(&upload_id)
                .part_number(number)
                .body(body);
            let part = request.send().await.map_err(|error| port_error(&doing, &error))?;
            parts.push(
                CompletedPart::builder()
                    .part_number(number)
                    .set_e_tag(part.e_tag)
                    .build(),
            );
            first = read_part(&mut file).map_err(io)?;
        }
        let done = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let request = client
            .complete_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(&upload_id);
        request
            .multipart_upload(done)
            .send()
            .await
            .map(drop)
            .map_err(|error| port_error(&doing, &error))
    }
    .await;
    if sent.is_err() {
        // Best effort: the bucket's lifecycle aborts what stays behind.
        let _ = client
            .abort_multipart_upload()
            .bucket(bucket)
            .key(key)
            .upload_id(&upload_id)
            .send()
            .await;
    }
    sent
}

fn read_part(file: &mut File) -> std::io::Result<Vec<u8>> {
    let mut part = Vec::new();
    file.take(PART_BYTES as u64).read_to_end(&mut part)?;
    Ok(part)
}
