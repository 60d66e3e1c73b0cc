//! A query to the deployed API.

use super::format;
use clap::Args;
use watershed_local::{Emulator, Result, Ui, api::Api};

/// What is asked, and how it is answered.
#[derive(Debug, Args)]
pub struct Ask {
    /// The query: one SELECT
    query: String,
    /// Let Athena run it, and wait for its rows: what is too large for the function
    #[arg(long = "async")]
    later: bool,
    /// Answer as JSON, with what was read
    #[arg(long, conflicts_with = "csv")]
    json: bool,
    /// Answer as CSV
    #[arg(long)]
    csv: bool,
}

impl Ask {
    /// Prints the answer.
    pub async fn run(self, emulator: &Emulator) -> Result<()> {
        let api = Api::deployed(emulator).await?;
        let form = format(self.json, self.csv);
        let answer = if self.later {
            api.print_later(&self.query, form, Ui::Shown)?
        } else {
            api.print(&self.query, form)?
        };
        print!("{answer}");
        Ok(())
    }
}
