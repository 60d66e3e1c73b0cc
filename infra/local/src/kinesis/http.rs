//! Calls of Lambda and SNS on the local cloud, unsigned: plain HTTP over loopback, without one more SDK.

use crate::{Error, Result};
use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

/// Longest answer: a function's longest time and some.
const TIMEOUT: Duration = Duration::from_mins(16);

/// What was answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    head: String,
    /// The body.
    pub body: Vec<u8>,
}

impl Response {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Where it is no success: what the service says.
    pub fn refusal(&self) -> Option<String> {
        let text = || String::from_utf8_lossy(&self.body).trim().to_string();
        (!(200..300).contains(&self.status)).then(|| format!("HTTP {}: {}", self.status, text()))
    }
}

/// A call at `endpoint` (`http://HOST:PORT`), in a thread of its own.
pub async fn call(
    endpoint: &str,
    service: &'static str,
    method: &'static str,
    path: &str,
    body: String,
) -> Result<Response> {
    let (address, path) = (endpoint.trim_start_matches("http://").to_string(), path.to_string());
    let kind = if service == "sns" {
        "application/x-www-form-urlencoded"
    } else {
        "application/json"
    };
    let call = move || {
        let doing = format!("{method} {path}");
        let mut stream = TcpStream::connect(&address).map_err(Error::doing(&doing))?;
        stream.set_read_timeout(Some(TIMEOUT)).map_err(Error::doing(&doing))?;
        // HTTP/1.0: the answer ends where the connection does, and comes in one piece.
        let head = format!(
            "{method} {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: {kind}\r\n\
             Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/{}/{service}/aws4_request\r\n\
             Content-Length: {}\r\n\r\n",
            crate::aws::REGION,
            body.len()
        );
        stream.write_all(head.as_bytes()).map_err(Error::doing(&doing))?;
        stream.write_all(body.as_bytes()).map_err(Error::doing(&doing))?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).map_err(Error::doing(&doing))?;
        read(&answer).ok_or_else(|| Error::new(format!("{doing}: what was answered is no HTTP")))
    };
    tokio::task::spawn_blocking(call)
        .await
        .map_err(Error::doing("the call"))?
}

fn read(answer: &[u8]) -> Option<Response> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.strip_prefix("HTTP/1.")?.get(2..5)?.parse().ok()?;
    Some(Response {
        status,
        head,
        body: answer[end + 4..].to_vec(),
    })
}

/// `name=value` pairs as a form sends them.
pub fn form(pairs: &[(&str, &str)]) -> String {
    let pairs: Vec<String> = pairs
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value)))
        .collect();
    pairs.join("&")
}

/// As a part of a URL.
pub fn escaped(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_read() {
        let text = b"HTTP/1.0 200 OK\r\nX-Amz-Function-Error: Unhandled\r\nContent-Length: 2\r\n\r\n{}";
        let response = read(text).unwrap();
        assert_eq!((response.status, response.body.as_slice()), (200, &b"{}"[..]));
        assert_eq!(response.header("x-amz-function-error"), Some("Unhandled"));
        assert_eq!(response.header("x-amz-other"), None);
        assert_eq!(response.refusal(), None);
        let refused = read(b"HTTP/1.1 429 Too Many\r\n\r\nslow down").unwrap();
        assert_eq!(refused.refusal().unwrap(), "HTTP 429: slow down");
        assert_eq!(read(b"hello"), None);
    }

    #[test]
    fn forms_are_escaped() {
        assert_eq!(
            form(&[("Message", "{\"a\": 1}&ü"), ("B", "x")]),
            "Message=%7B%22a%22%3A%201%7D%26%C3%BC&B=x"
        );
    }
}
