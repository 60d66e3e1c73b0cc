//! What `sam package` does: code locations of a template that point at folders become `s3://` locations. Edited as text,
//! so that every tag and comment stays.

/// The keys whose values are code locations.
const KEYS: [&str; 2] = ["CodeUri: ", "ContentUri: "];

/// Relative code locations, in order of appearance.
pub fn locations(template: &str) -> Vec<&str> {
    template.lines().filter_map(location).collect()
}

/// The template with each relative code location replaced by what `to` says of it.
pub fn relocate(template: &str, to: impl Fn(&str) -> String) -> String {
    let mut out = String::with_capacity(template.len());
    for line in template.lines() {
        match location(line) {
            Some(from) => {
                out.push_str(&line[..line.len() - from.len()]);
                out.push_str(&to(from));
            }
            None => out.push_str(line),
        }
        out.push('\n');
    }
    out
}

fn location(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let value = KEYS.iter().find_map(|key| line.strip_prefix(key))?;
    (!value.contains("://")).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_relative_locations_change() {
        let template =
            "A: !Ref B # kept\n  CodeUri: ../functions/ingest\n  CodeUri: s3://b/k\n    ContentUri: contracts/\n";
        assert_eq!(locations(template), ["../functions/ingest", "contracts/"]);
        assert_eq!(
            relocate(template, |from| format!("s3://x/{}", from.len())),
            "A: !Ref B # kept\n  CodeUri: s3://x/19\n  CodeUri: s3://b/k\n    ContentUri: s3://x/10\n"
        );
    }
}
