//! A plain rolling z score, to compare with.

/// Rows of its window.
const WINDOW: usize = 200;
/// Rows before it says anything.
const WARM_UP: usize = 30;

/// |value - mean| / deviation over the rows before, as a score below 1.
pub fn rolling_z(rows: &[(i64, f64)]) -> Vec<f64> {
    let score = |k: usize| {
        let before = &rows[k.saturating_sub(WINDOW)..k];
        if before.len() < WARM_UP {
            return 0.0;
        }
        let n = before.len() as f64;
        let mean = before.iter().map(|row| row.1).sum::<f64>() / n;
        let variance = before.iter().map(|row| (row.1 - mean).powi(2)).sum::<f64>() / n;
        let z = (rows[k].1 - mean).abs() / variance.sqrt().max(mean.abs() * 1e-3 + 1e-9);
        z / (z + 4.0)
    };
    (0..rows.len()).map(score).collect()
}
