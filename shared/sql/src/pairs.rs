//! Joins that compare every row with every row: told before they begin, because they hear no limit of time while they run.

use crate::{SqlError, error::Limit};
use datafusion::physical_plan::{
    ExecutionPlan,
    joins::{CrossJoinExec, NestedLoopJoinExec},
    statistics::{StatisticsArgs, StatisticsContext},
};
use std::sync::Arc;

/// Most pairs of rows that such a join compares: some ten seconds of a processor.
pub const MAX_PAIRS: u128 = 2_000_000_000;

/// Says which numbers of rows would be compared, where they are too many.
pub(crate) fn check(plan: &Arc<dyn ExecutionPlan>) -> Result<(), SqlError> {
    if plan.is::<NestedLoopJoinExec>() || plan.is::<CrossJoinExec>() {
        let rows = plan.children().into_iter().map(rows).collect::<Option<Vec<u128>>>();
        if let Some([left, right]) = rows.as_deref()
            && left.saturating_mul(*right) > MAX_PAIRS
        {
            return Err(SqlError::Limit(
                Limit::Time,
                format!(
                    "it compares each of {left} rows with each of {right}: join by columns that are equal, ON a.x = b.y"
                ),
            ));
        }
    }
    plan.children().into_iter().try_for_each(check)
}

/// How many rows it gives, as far as that can be told before it runs.
fn rows(plan: &Arc<dyn ExecutionPlan>) -> Option<u128> {
    let statistics = StatisticsContext::new()
        .compute(plan.as_ref(), &StatisticsArgs::new())
        .ok()?;
    statistics.num_rows.get_value().map(|rows| *rows as u128)
}
