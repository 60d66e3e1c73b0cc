//! What is sent: readings of devices over some hours, in the order of their times but for a few, and what is wrong with some. The same for each run.

use flate2::{Compression, write::GzEncoder};
use std::io::Write as _;

/// Devices, which are the partition keys.
const DEVICES: u64 = 50;
/// What they measure.
const METRICS: u64 = 4;
/// Time from the first to the last reading: whatever is sent, the windows are as many.
pub const SPAN_MS: u64 = 3 * HOUR_MS;
/// The first reading is of this time of the day: those that are out of order are of the same day.
const FIRST_MS: u64 = HOUR_MS;
/// The readings' day.
const DAY: &str = "2025-03-01";
/// That of those that are late.
const LATE_DAY: &str = "2025-02-28";
/// That of those that are from the future.
const FUTURE_DAY: &str = "2099-01-01";
/// How much later than the last reading that is which closes the windows.
const CLOSING_AFTER_MS: u64 = HOUR_MS;
/// Readings that come too early for something to be late.
const LATE_FROM: u64 = 1_000;
/// Of so many readings one is refused, late, from the future, out of order, without a value.
const REFUSED_EVERY: u64 = 499;
const LATE_EVERY: u64 = 701;
const FUTURE_EVERY: u64 = 997;
const BEHIND_EVERY: u64 = 97;
const NULL_EVERY: u64 = 13;
/// How far readings are behind that are out of order, at most: less than outOfOrder and lateness of the contract.
const MAX_BEHIND_MS: u64 = 8 * 60_000;
/// Thousandths of the largest value and of the smallest.
const MAX_VALUE: u64 = 999_999_999;
const HOUR_MS: u64 = 3_600_000;

/// A user record.
pub struct Reading {
    /// Its partition key.
    pub device: String,
    /// What is sent.
    pub data: Vec<u8>,
    /// Why it is refused, where it is.
    pub refused: Option<&'static str>,
    /// What the batch computation gets, where it is not refused: the same and whether it is in the windows.
    pub line: String,
}

/// Number `seq` of `all`.
pub fn reading(seq: u64, all: u64) -> Reading {
    let random = mixed(seq);
    let device = format!("d{:02}", random % DEVICES);
    let behind_ms = if seq.is_multiple_of(BEHIND_EVERY) {
        mixed(random) % MAX_BEHIND_MS
    } else {
        0
    };
    let (day, fate) = match seq {
        _ if seq.is_multiple_of(LATE_EVERY) && seq >= LATE_FROM => (LATE_DAY, "late"),
        _ if seq.is_multiple_of(FUTURE_EVERY) => (FUTURE_DAY, "future"),
        _ => (DAY, "in time"),
    };
    let time = time(day, FIRST_MS + seq * SPAN_MS / all - behind_ms);
    let mut reading = made(seq, device, &time, fate);
    if seq % REFUSED_EVERY == 1 {
        refuse(&mut reading, seq);
    }
    reading
}

/// Closes the windows of all that came before it in its shard.
pub fn closing(seq: u64) -> Reading {
    made(
        seq,
        "closing".into(),
        &time(DAY, FIRST_MS + SPAN_MS + CLOSING_AFTER_MS),
        "in time",
    )
}

fn made(seq: u64, device: String, time: &str, fate: &str) -> Reading {
    let random = mixed(mixed(seq));
    let metric = random % METRICS;
    let value = if seq.is_multiple_of(NULL_EVERY) {
        "null".into()
    } else {
        thousandths(random)
    };
    let data = format!(r#"{{"device_id":"{device}","ts":"{time}","metric":"m{metric}","value":{value},"seq":{seq}}}"#);
    Reading {
        device,
        line: format!(r#"{{"fate":"{fate}",{}"#, &data[1..]),
        data: data.into_bytes(),
        refused: None,
    }
}

/// In one of the ways in which records are broken.
fn refuse(reading: &mut Reading, seq: u64) {
    let text = String::from_utf8_lossy(&reading.data).into_owned();
    let (before, _) = text.split_once(r#""value":"#).expect("a reading has a value");
    let mut gzip = gzip(&reading.data);
    let end = gzip.len();
    let (reason, data) = match seq / REFUSED_EVERY % 5 {
        0 => (
            "not_an_object",
            format!("reading {seq} of {}", reading.device).into_bytes(),
        ),
        1 => ("invalid_json", before.into()),
        2 => ("type", format!(r#"{before}"value":"warm","seq":{seq}}}"#).into_bytes()),
        3 => {
            // In its checksum.
            gzip[end - 8] ^= 0xff;
            ("corrupt", gzip)
        }
        _ => {
            gzip.truncate(end / 2);
            ("truncated", gzip)
        }
    };
    (reading.refused, reading.data) = (Some(reason), data);
}

/// As producers compress.
pub fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

fn thousandths(random: u64) -> String {
    let (value, sign) = (random % MAX_VALUE, if random & 1 == 0 { "-" } else { "" });
    format!("{sign}{}.{:03}", value / 1_000, value % 1_000)
}

fn time(day: &str, ms: u64) -> String {
    let (hours, minutes, seconds) = (ms / HOUR_MS, ms / 60_000 % 60, ms / 1_000 % 60);
    format!("{day}T{hours:02}:{minutes:02}:{seconds:02}.{:03}Z", ms % 1_000)
}

/// A number that looks like chance and is the same each time (SplitMix64).
pub fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}
