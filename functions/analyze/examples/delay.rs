//! A line that delays: a service that answers in two milliseconds, heard as from as far away as S3 is.
//!
//! ```text
//! cargo run --release --example delay -- 127.0.0.1:4566 [DELAY_MS]      # prints the address to name in AWS_ENDPOINT_URL
//! ```
//! Each byte to the service comes `DELAY_MS` after it was sent; bytes that follow each other do so without a further pause, so that a request
//! takes one delay, whatever its length. Answers come at once. It ends with ^C.

use std::{
    error::Error,
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::mpsc::{Receiver, SyncSender, sync_channel},
    thread,
    time::{Duration, Instant},
};

const DEFAULT_DELAY_MS: u64 = 15;
const PIECE_BYTES: usize = 64 * 1024;
/// Pieces on their way at once, of a connection.
const MAX_PIECES: usize = 1_024;

type Piece = (Instant, Vec<u8>);

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let service: SocketAddr = arguments.next().ok_or("name the service: 127.0.0.1:4566")?.parse()?;
    let delay_ms = arguments.next().map(|number| number.parse()).transpose()?;
    let delay = Duration::from_millis(delay_ms.unwrap_or(DEFAULT_DELAY_MS));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    println!("http://{}", listener.local_addr()?);
    for caller in listener.incoming() {
        let (caller, service) = (caller?, TcpStream::connect(service)?);
        // Else a small piece waits for the other end to acknowledge the one before.
        caller.set_nodelay(true)?;
        service.set_nodelay(true)?;
        let (answers, hears) = (service.try_clone()?, caller.try_clone()?);
        let (line, arrivals) = sync_channel(MAX_PIECES);
        thread::spawn(move || send(caller, &line));
        thread::spawn(move || arrive(service, &arrivals, delay));
        thread::spawn(move || pass(answers, hears));
    }
    Ok(())
}

/// What the caller says, onto the line.
fn send(mut caller: TcpStream, line: &SyncSender<Piece>) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(length @ 1..) = caller.read(&mut piece) {
        if line.send((Instant::now(), piece[..length].to_vec())).is_err() {
            return;
        }
    }
}

/// Off the line, to the service. The connection ends with the caller's.
fn arrive(mut service: TcpStream, arrivals: &Receiver<Piece>, delay: Duration) {
    for (sent, piece) in arrivals {
        thread::sleep((sent + delay).saturating_duration_since(Instant::now()));
        if service.write_all(&piece).is_err() {
            return;
        }
    }
    // A connection that the other end has left already cannot be closed, and need not be.
    let _ = service.shutdown(std::net::Shutdown::Write);
}

fn pass(mut answers: TcpStream, mut hears: TcpStream) {
    let mut piece = vec![0; PIECE_BYTES];
    while let Ok(length @ 1..) = answers.read(&mut piece) {
        if hears.write_all(&piece[..length]).is_err() {
            return;
        }
    }
}
