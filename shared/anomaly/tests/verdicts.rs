//! What is an alarm, what is none, and why.

use watershed_anomaly::{Detector, Reason, Settings, Signal};

const HOUR_MS: i64 = 3_600_000;

/// Numbers that look random, from 0 to 1.
struct Random(u64);

impl Random {
    fn uniform(&mut self) -> f64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Around zero, deviation about 1.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.uniform()).sum::<f64>() - 6.0
    }
}

/// Rows that alarmed, and why.
fn alarms(step_ms: i64, values: impl IntoIterator<Item = f64>) -> Vec<(usize, Reason)> {
    let mut detector = Detector::new(&Settings::default()).expect("within bounds");
    let times = (0..).map(|row| 1_704_067_200_000 + row * step_ms);
    let verdicts = times.zip(values).map(|(time, value)| detector.observe(time, value));
    verdicts
        .enumerate()
        .filter_map(|(row, verdict)| verdict.reason.map(|reason| (row, reason)))
        .collect()
}

fn rows(alarms: &[(usize, Reason)]) -> Vec<usize> {
    alarms.iter().map(|(row, _)| *row).collect()
}

#[test]
fn a_spike_alarms_at_its_row_and_says_why() {
    let mut random = Random(7);
    let values = (0..3_000).map(|row| 50.0 + random.normal() + if row == 2_000 { 40.0 } else { 0.0 });
    let alarms = alarms(HOUR_MS / 12, values);
    let (_, reason) = alarms.iter().find(|(row, _)| *row == 2_000).expect("the spike");
    assert!(alarms.len() <= 4, "{alarms:?}");
    assert!(
        reason.observed > 85.0 && reason.high < 60.0 && (40.0..60.0).contains(&reason.expected),
        "{reason}"
    );
}

#[test]
fn a_constant_that_moves_by_a_millionth_is_no_alarm() {
    for level in [1.0, -273.15, 1e12, 1e-6] {
        for by in [1e-6, -1e-6] {
            let shifted = (0..2_000).map(|row| level * if row < 1_000 { 1.0 } else { 1.0 + by });
            assert_eq!(alarms(HOUR_MS, shifted), [], "{level} shifted by {by}");
            let blips = (0..2_000).map(|row| level * if row % 500 == 250 { 1.0 + by } else { 1.0 });
            assert_eq!(alarms(HOUR_MS, blips), [], "{level} with blips of {by}");
        }
        let moved = (0..2_000).map(|row| level * if row == 1_000 { 1.1 } else { 1.0 });
        assert_eq!(
            rows(&alarms(HOUR_MS, moved)).first(),
            Some(&1_000),
            "{level} moved by a tenth"
        );
    }
    let zero = (0..2_000).map(|row| f64::from(u8::from(row == 1_000)));
    assert_eq!(
        rows(&alarms(HOUR_MS, zero)).first(),
        Some(&1_000),
        "the first error after none"
    );
}

#[test]
fn a_counter_that_grows_steadily_is_no_alarm_and_its_reset_is_one() {
    let mut random = Random(3);
    let mut total = 0.0;
    let steady: Vec<f64> = (0..5_000)
        .map(|_| {
            total += 1_000.0 + random.uniform();
            total
        })
        .collect();
    assert_eq!(alarms(HOUR_MS, steady.clone()), []);
    let reset = steady
        .iter()
        .enumerate()
        .map(|(row, value)| if row < 4_000 { *value } else { value - steady[4_000] });
    let alarms = alarms(HOUR_MS, reset);
    assert_eq!(rows(&alarms).first(), Some(&4_000), "{alarms:?}");
    let reason = alarms[0].1;
    assert!(
        [Signal::Jump, Signal::Record].contains(&reason.signal) && reason.observed < reason.low,
        "{reason}"
    );
}

#[test]
fn nothing_alarms_while_it_warms_up() {
    let mut random = Random(5);
    let wild = (0..100).map(|row| random.normal() * if row % 10 == 9 { 1e6 } else { 1.0 });
    assert_eq!(alarms(HOUR_MS, wild), []);
}

#[test]
fn what_goes_on_is_one_alarm() {
    let mut random = Random(11);
    let values = (0..4_000).map(|row| 10.0 + random.normal() + if row >= 3_000 { 30.0 } else { 0.0 });
    let alarms = alarms(HOUR_MS / 12, values);
    let after = alarms.iter().filter(|(row, _)| *row >= 3_000).count();
    assert!(rows(&alarms).contains(&3_000) && after <= 3, "{alarms:?}");
}

#[test]
fn an_hour_that_is_wrong_for_its_time_alarms() {
    let mut random = Random(13);
    let mut daily = |row: i64| if row % 24 < 12 { 100.0 } else { 300.0 } + random.normal();
    // The traffic of the evening in the morning: usual for the series, not for the hour.
    let values = (0..2_400).map(|row| {
        if (2_021..2_024).contains(&row) {
            daily(12)
        } else {
            daily(row)
        }
    });
    let alarms = alarms(HOUR_MS, values);
    assert!(
        rows(&alarms).iter().any(|row| (2_021..2_025).contains(row)),
        "{alarms:?}"
    );
}

#[test]
fn no_number_is_no_row_and_times_may_run_as_they_like() {
    let mut random = Random(17);
    let values: Vec<f64> = (0..1_500)
        .map(|row| 20.0 + random.normal() + if row == 1_200 { 30.0 } else { 0.0 })
        .collect();
    let mut plain = Detector::new(&Settings::default()).expect("within bounds");
    let mut holed = plain.clone();
    for (row, value) in (0_i64..).zip(&values) {
        let expected = plain.observe(row * HOUR_MS, *value);
        for missing in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            let verdict = holed.observe(row * HOUR_MS, missing);
            assert_eq!((verdict.score, verdict.alarm), (0.0, false));
        }
        assert_eq!(holed.observe(row * HOUR_MS, *value), expected);
    }
    assert_eq!((plain.encode(), plain.rows()), (holed.encode(), 1_500));
    let mut odd = Detector::new(&Settings::default()).expect("within bounds");
    for (row, value) in (0_i64..).zip(&values) {
        let time = [i64::MIN, i64::MAX, 0, -row, row * HOUR_MS][row as usize % 5];
        let alarm = odd.observe(time, *value).alarm;
        assert!(!alarm || row >= 100);
        assert!(row != 1_200 || alarm, "the spike is seen whatever the clock says");
    }
}

#[test]
fn settings_out_of_bounds_make_no_detector() {
    let settings = Settings {
        window_rows: 1.0,
        ..Settings::default()
    };
    let told = Detector::new(&settings).expect_err("too small").to_string();
    assert_eq!(told, "window_rows is 1: write a number from 4 to 10000");
}
