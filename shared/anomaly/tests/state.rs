//! States: small whatever the series is, exact, and never a panic.

use proptest::prelude::*;
use watershed_anomaly::{Detector, MAX_STATE_BYTES, Settings, StateError, Verdict};

fn detector() -> Detector {
    Detector::new(&Settings {
        warm_up_rows: 20.0,
        ..Settings::default()
    })
    .expect("within bounds")
}

/// Values as series have them, and as they should not.
fn values() -> impl Strategy<Value = Vec<f64>> {
    let value = prop_oneof![
        10 => -1e3..1e3f64,
        3 => (0..5i32).prop_map(f64::from),
        3 => any::<f64>(),
        1 => Just(f64::NAN),
        1 => Just(f64::INFINITY),
        1 => Just(f64::MAX),
        1 => Just(-f64::MAX),
        1 => Just(f64::MIN_POSITIVE / 8.0),
    ];
    prop::collection::vec(value, 1..400)
}

fn bits(verdict: Verdict) -> (u32, bool, Option<[u64; 4]>) {
    let reason = verdict
        .reason
        .map(|r| [r.expected, r.low, r.high, r.observed].map(f64::to_bits));
    (verdict.score.to_bits(), verdict.alarm, reason)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_decoded_detector_goes_on_bit_for_bit(
        values in values(), times in prop::collection::vec(any::<i64>(), 400), cut in 0..400usize,
    ) {
        let mut kept = detector();
        let mut moved = detector();
        for (row, (value, time)) in values.iter().zip(times).enumerate() {
            if row == cut % values.len() {
                moved = Detector::decode(&moved.encode()).expect("its own state");
                prop_assert_eq!(&moved, &kept);
            }
            let verdict = kept.observe(time, *value);
            prop_assert_eq!(bits(verdict), bits(moved.observe(time, *value)));
            prop_assert!((0.0..1.0).contains(&verdict.score), "{:?}", verdict);
            prop_assert_eq!(verdict.alarm, verdict.reason.is_some());
            if let Some(reason) = verdict.reason {
                let all = [reason.expected, reason.low, reason.high, reason.observed];
                prop_assert!(all.iter().all(|number| number.is_finite()), "{:?}", reason);
            }
        }
        prop_assert_eq!(kept.encode(), moved.encode());
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..6_000)) {
        prop_assert!(Detector::decode(&bytes).is_err());
        let mut begun = b"WSAD\x01".to_vec();
        begun.extend(bytes);
        prop_assert!(Detector::decode(&begun).is_err());
    }

    /// Whoever makes the checksum right may write what he likes: nothing panics, then or later.
    #[test]
    fn forged_states_are_read_or_refused_and_do_not_panic(
        values in values(), at in any::<prop::sample::Index>(), with in prop::collection::vec(any::<u8>(), 1..16),
    ) {
        let mut detector = detector();
        for (row, value) in values.iter().enumerate() {
            detector.observe(row as i64 * 60_000, *value);
        }
        let mut bytes = detector.encode();
        let body = bytes.len() - 8;
        let at = 5 + at.index(body - 5);
        for (byte, with) in bytes[at..body].iter_mut().zip(with) {
            *byte = with;
        }
        let sum = bytes[..body].iter().fold(0xCBF2_9CE4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01B3)
        });
        bytes[body..].copy_from_slice(&sum.to_le_bytes());
        if let Ok(mut forged) = Detector::decode(&bytes) {
            for row in 0..300 {
                forged.observe(i64::from(row) * 3_600_000, f64::from(row % 7));
            }
            prop_assert!(forged.encode().len() <= MAX_STATE_BYTES);
        }
    }
}

#[test]
fn a_state_is_small_at_every_point_of_long_series() {
    let mut random = 1_u64;
    let mut uniform = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        (random >> 11) as f64 / (1_u64 << 53) as f64
    };
    for kind in 0..4 {
        let (mut detector, mut level, mut largest) = (detector(), 0.0, 0);
        for row in 0..12_000_i64 {
            level += uniform() - 0.5;
            let value = match kind {
                0 => level,
                1 => 1.0 / uniform().max(1e-12),
                2 => 10f64.powf(60.0 * uniform() - 30.0) * if uniform() < 0.5 { 1.0 } else { -1.0 },
                _ => (uniform() * 6.0).floor(),
            };
            detector.observe(row * 1_000_003, value);
            largest = largest.max(detector.encode().len());
        }
        assert!(largest <= MAX_STATE_BYTES, "kind {kind}: {largest} bytes");
        assert!(
            largest >= 2_000,
            "kind {kind}: {largest} bytes: the series taught it nothing"
        );
    }
}

#[test]
fn torn_and_foreign_states_are_told_apart() {
    let mut detector = detector();
    for row in 0..500_i64 {
        detector.observe(row * 60_000, (row % 13) as f64);
    }
    let bytes = detector.encode();
    for length in 0..bytes.len() {
        assert!(Detector::decode(&bytes[..length]).is_err(), "{length} bytes");
    }
    for at in 0..bytes.len() {
        let mut torn = bytes.clone();
        torn[at] ^= 0x10;
        assert!(Detector::decode(&torn).is_err(), "byte {at}");
    }
    assert_eq!(Detector::decode(b"PAR1 and more"), Err(StateError::Foreign));
    let mut newer = bytes.clone();
    newer[4] = 9;
    let told = Detector::decode(&newer).expect_err("a later format").to_string();
    assert_eq!(
        told,
        "the state has format 9, this library reads format 1: begin with a new detector"
    );
    let damaged = StateError::Damaged { bytes: bytes.len() - 1 };
    assert_eq!(Detector::decode(&bytes[..bytes.len() - 1]), Err(damaged));
}
