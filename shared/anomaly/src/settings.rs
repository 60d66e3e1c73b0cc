//! What can be set. One set serves every series: nothing here is of one series' scale, rhythm or length.

/// A setting's name, default, bounds and meaning.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Setting {
    /// The field of [`Settings`].
    pub name: &'static str,
    /// What [`Settings::default`] has.
    pub default: f64,
    /// The least that is accepted.
    pub low: f64,
    /// The most that is accepted.
    pub high: f64,
    /// What it is.
    pub meaning: &'static str,
}

/// A setting is out of its bounds.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{name} is {value}: write a number from {low} to {high}")]
pub struct SettingError {
    /// Which.
    pub name: &'static str,
    /// What it is.
    pub value: f64,
    /// The least that is accepted.
    pub low: f64,
    /// The most that is accepted.
    pub high: f64,
}

macro_rules! settings {
    ($($name:ident: $default:expr, $low:expr, $high:expr, $meaning:expr;)*) => {
        /// Settings of a [`Detector`](crate::Detector).
        #[derive(Debug, Clone, PartialEq)]
        pub struct Settings {
            $(#[doc = $meaning] #[doc = concat!(" Default ", stringify!($default), ", from ", stringify!($low), " to ", stringify!($high), ".")] pub $name: f64,)*
        }

        impl Default for Settings {
            fn default() -> Self {
                Self { $($name: $default,)* }
            }
        }

        impl Settings {
            /// All of them, in the order of the fields.
            pub const ALL: &'static [Setting] = &[
                $(Setting { name: stringify!($name), default: $default, low: $low, high: $high, meaning: $meaning },)*
            ];

            /// The values, in the order of [`Settings::ALL`].
            pub fn values(&self) -> impl Iterator<Item = f64> {
                [$(self.$name,)*].into_iter()
            }

            /// The one of this name.
            pub fn get_mut(&mut self, name: &str) -> Option<&mut f64> {
                match name {
                    $(stringify!($name) => Some(&mut self.$name),)*
                    _ => None,
                }
            }
        }
    };
}

settings! {
    warm_up_rows: 100.0, 8.0, 1e6, "Rows at the beginning that are learnt from and never alarm.";
    window_rows: 30.0, 4.0, 1e4, "What is recent: rows in which mixture, drift, spread and density forget.";
    level_rows: 1_000.0, 8.0, 1e6, "Rows in which level and deviation forget.";
    memory_rows: 6_000.0, 8.0, 1e6, "Rows in which it is forgotten what is common: tails, mixture, shapes, extremes.";
    season_visits: 60.0, 3.0, 250.0, "Rows of one hour of the week in which that hour's level forgets.";
    clip_deviations: 8.0, 2.0, 100.0, "A row counts as no further out than this, in deviations, so that an outlier does not move the level.";
    bin_deviations: 0.25, 0.05, 4.0, "Width of a bin of the mixture, in deviations.";
    record_weight: 1.25, 0.0, 10.0, "What a new extreme weighs, where the other signals weigh 1.";
    calm_factor: 1.25, 1.0, 10.0, "An alarm must surprise more than the last one by this factor, as far as that one has not faded.";
    calm_share: 0.3, 0.01, 1.0, "An alarm fades in this share of the rows seen so far …";
    calm_rows: 2_000.0, 1.0, 1e6, "… and in no more rows than this.";
    min_effect: 0.001, 0.0, 1.0, "Smallest deviation that counts, as a share of the level.";
    alarm_score: 0.39, 0.01, 0.99, "Score from which on a row is an alarm.";
}

impl Settings {
    /// Every value within its bounds?
    pub fn check(&self) -> Result<(), SettingError> {
        for (setting, value) in Self::ALL.iter().zip(self.values()) {
            let Setting { name, low, high, .. } = *setting;
            if !(low..=high).contains(&value) {
                return Err(SettingError { name, value, low, high });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_within_their_bounds_and_no_others_pass() {
        assert_eq!(Settings::default().check(), Ok(()));
        for setting in Settings::ALL {
            for wrong in [setting.low - 1.0, setting.high * 1.01, f64::NAN, f64::INFINITY] {
                let mut settings = Settings::default();
                *settings.get_mut(setting.name).expect("listed") = wrong;
                let error = settings.check().expect_err("out of bounds");
                assert_eq!(error.name, setting.name);
            }
        }
        let settings = Settings {
            calm_factor: 0.5,
            ..Settings::default()
        };
        let told = settings.check().expect_err("too small").to_string();
        assert_eq!(told, "calm_factor is 0.5: write a number from 1 to 10");
    }
}
