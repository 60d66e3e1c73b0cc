//! Lambda's HTTP API, unsigned, as the local cloud takes it.

use serde_json::Value;
use std::{
    io::{Read as _, Write as _},
    net::{Ipv4Addr, TcpStream},
    time::Duration,
};

/// Longest answer.
const TIMEOUT: Duration = Duration::from_mins(3);

/// Invokes the function and waits for what it returns.
///
/// # Panics
/// Where the local cloud does not answer with JSON.
pub fn invoke(port: u16, function: &str, event: &Value) -> Value {
    request(
        port,
        "POST",
        &format!("/2015-03-31/functions/{function}/invocations"),
        event,
    )
}

/// Makes a function, or an event source mapping: a `POST` of Lambda's API.
///
/// # Panics
/// Where the local cloud refuses.
pub fn post(port: u16, path: &str, body: &Value) -> Value {
    request(port, "POST", path, body)
}

/// What Lambda's API tells.
///
/// # Panics
/// Where the local cloud refuses.
pub fn get(port: u16, path: &str) -> Value {
    request(port, "GET", path, &Value::Null)
}

/// While it lives, the function's queues deliver nothing.
#[derive(Debug)]
pub struct Held<'a> {
    port: u16,
    function: &'a str,
}

impl<'a> Held<'a> {
    /// Stops deliveries to the function.
    ///
    /// # Panics
    /// Where the function has no event source, or the local cloud refuses.
    pub fn deliveries(port: u16, function: &'a str) -> Self {
        deliver(port, function, false);
        Self { port, function }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        deliver(self.port, self.function, true);
    }
}

fn deliver(port: u16, function: &str, enabled: bool) {
    let path = format!("/2015-03-31/event-source-mappings/?FunctionName={function}");
    let list = get(port, &path);
    let mappings = list["EventSourceMappings"].as_array().cloned().unwrap_or_default();
    assert!(!mappings.is_empty(), "{function} has no event source: {list}");
    for mapping in mappings {
        let id = mapping["UUID"].as_str().expect("a mapping has an id");
        let path = format!("/2015-03-31/event-source-mappings/{id}");
        request(port, "PUT", &path, &serde_json::json!({"Enabled": enabled}));
    }
}

fn request(port: u16, method: &str, path: &str, body: &Value) -> Value {
    let body = if body.is_null() {
        String::new()
    } else {
        body.to_string()
    };
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).expect("the local cloud listens");
    stream
        .set_read_timeout(Some(TIMEOUT))
        .expect("a timeout that is not zero");
    // HTTP/1.0: the answer ends where the connection does, and comes in one piece.
    let head = format!(
        "{method} {path} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(head.as_bytes()).expect("the local cloud reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("the local cloud answers");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an HTTP answer");
    assert!(
        head.starts_with("HTTP/1.") && head[9..].starts_with('2'),
        "{method} {path}: {answer}"
    );
    serde_json::from_str(body).unwrap_or_else(|error| panic!("{method} {path}: {error}: {body}"))
}
