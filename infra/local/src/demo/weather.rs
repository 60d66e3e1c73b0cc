//! The question that needs all that flights are enriched with, asked of the API.

use crate::{
    Result,
    api::{Answer, Api},
};
use serde_json::Value;

/// Width of the longest bar, in characters.
const BAR: usize = 40;

const TITLE: &str = "Do wind and rain delay flights to large cities more? (asked of the API: flights, weather as of departure, people within 50 km of the destination)";

/// Mean delay by weather and size of the city.
const SQL: &str = "\
SELECT CASE WHEN dest_people >= 3000000 THEN '3 million and more' WHEN dest_people >= 1000000 THEN '1 to 3 million'
            ELSE 'fewer than a million' END AS people_around,
       weather, count(*) AS flights, round(avg(dep_delay), 1) AS delay
FROM (SELECT dest_people, dep_delay,
             CASE WHEN array_has(labels, 'rain') THEN 'rain' WHEN array_has(labels, 'wind') THEN 'wind' ELSE 'calm' END AS weather
      FROM nyc.flights_enriched WHERE dest_people IS NOT NULL AND NOT cancelled)
GROUP BY 1, 2 ORDER BY min(dest_people), weather";

/// The answer.
pub fn ask(api: &Api) -> Result<Answer> {
    api.ask(SQL)
}

/// As a table and as bars.
pub fn shown(answer: &Answer) -> String {
    format!(
        "\n{TITLE}\n\n{}\nMean delay of departures in minutes\n\n{}",
        answer.table(),
        bars(answer)
    )
}

fn bars(answer: &Answer) -> String {
    let text = |row: &serde_json::Map<String, Value>, name: &str| {
        row.get(name).and_then(Value::as_str).unwrap_or_default().to_string()
    };
    let delay =
        |row: &serde_json::Map<String, Value>| row.get("delay").and_then(Value::as_f64).unwrap_or_default().max(0.0);
    let longest = answer.rows.iter().map(delay).fold(1.0, f64::max);
    let mut drawn = String::new();
    let mut last = String::new();
    for row in &answer.rows {
        let people = text(row, "people_around");
        let shown = if people == last { "" } else { &people };
        let length = (delay(row) / longest * BAR as f64).round() as usize;
        drawn += &format!(
            "{shown:>20}  {:<4} {} {:.1}\n",
            text(row, "weather"),
            "█".repeat(length),
            delay(row)
        );
        last = people;
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bars_are_as_long_as_their_numbers() {
        let row = |people: &str, weather: &str, delay: f64| json!({"people_around": people, "weather": weather, "delay": delay});
        let rows = [
            row("many", "calm", 10.0),
            row("many", "rain", 40.0),
            row("few", "rain", -1.0),
        ];
        let answer: Answer = serde_json::from_value(json!({"columns": [], "rows": rows, "tables": [], "bytesRead": 0}))
            .expect("an answer");
        let expected = format!(
            "                many  calm {} 10.0\n                      rain {} 40.0\n                 few  rain  0.0\n",
            "█".repeat(BAR / 4),
            "█".repeat(BAR)
        );
        assert_eq!(bars(&answer), expected);
    }
}
