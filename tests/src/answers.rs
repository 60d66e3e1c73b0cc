//! A service that answers what a test says, for what the local cloud cannot be brought to: failures, lost answers, pages.

use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

/// A status and a body; none: the request is read, and the connection closed.
pub type Answer = Option<(u16, String)>;

/// Answers one request after the other over HTTP/1.1, and keeps what it was asked. Ends with the process.
#[derive(Debug)]
pub struct Answers {
    /// `http://127.0.0.1:PORT`.
    pub endpoint: String,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Answers {
    /// Gives these, each once, and from then on the last of them.
    ///
    /// # Panics
    /// Where there are none, or no port is free.
    pub fn serve(answers: Vec<Answer>) -> Self {
        assert!(!answers.is_empty(), "there is nothing to answer");
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port is free");
        let port = listener.local_addr().expect("a listener has an address").port();
        let requests = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&requests);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                // A client that breaks off has its own error to show.
                let _ = answer(&stream, &answers, &seen);
            }
        });
        Self {
            endpoint: format!("http://{}:{port}", Ipv4Addr::LOCALHOST),
            requests,
        }
    }

    /// Head and body of every request so far.
    pub fn requests(&self) -> Vec<String> {
        lock(&self.requests).clone()
    }
}

fn lock(requests: &Mutex<Vec<String>>) -> std::sync::MutexGuard<'_, Vec<String>> {
    requests.lock().unwrap_or_else(PoisonError::into_inner)
}

fn answer(mut stream: &TcpStream, answers: &[Answer], seen: &Mutex<Vec<String>>) -> std::io::Result<()> {
    let mut reader = BufReader::new(stream);
    let (mut request, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 || line == "\r\n" {
            break;
        }
        let header = line.to_ascii_lowercase();
        if let Some(value) = header.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap_or(0);
        }
        request.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    request.push_str(&String::from_utf8_lossy(&body));
    let nth = {
        let mut seen = lock(seen);
        seen.push(request);
        seen.len() - 1
    };
    // Each on a connection of its own, so that a closed one is an answer too.
    match answers.get(nth).or(answers.last()) {
        Some(Some((status, body))) => write!(
            stream,
            "HTTP/1.1 {status} Said\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
            body.len()
        ),
        _ => Ok(()),
    }
}
