//! Personal data, by the pattern of the values or by the name of the column. Better one column too many than one too few: a person takes
//! the classification out again.

use std::net::IpAddr;

/// Percentage of values that must look so, for patterns that other values have by chance.
const MOST_PERCENT: usize = 50;
/// The same for card numbers: one number in ten has a valid check digit.
const NEARLY_ALL_PERCENT: usize = 90;

/// Words in names that are personal wherever they stand.
const WORDS: [&str; 30] = [
    "email",
    "phone",
    "telephone",
    "mobile",
    "fax",
    "birth",
    "birthday",
    "birthdate",
    "dob",
    "ssn",
    "iban",
    "passport",
    "surname",
    "lastname",
    "firstname",
    "fullname",
    "forename",
    "username",
    "address",
    "street",
    "gender",
    "nationality",
    "religion",
    "vorname",
    "nachname",
    "geburtsdatum",
    "strasse",
    "telefon",
    "adresse",
    "anschrift",
];
/// Names that are personal as a whole.
const NAMES: [&str; 14] = [
    "name",
    "mail",
    "e_mail",
    "tel",
    "cell",
    "ip",
    "sex",
    "credit_card",
    "card_number",
    "creditcard",
    "social_security_number",
    "tax_id",
    "national_id",
    "pan",
];
/// Words before `name` that say it is a person's.
const PERSONS: [&str; 13] = [
    "first", "last", "full", "middle", "maiden", "given", "family", "user", "customer", "employee", "contact",
    "person", "patient",
];

/// Why the column is personal, if it is.
pub fn personal<'a>(name: &str, values: impl Iterator<Item = &'a [u8]>) -> Option<&'static str> {
    by_values(values).or_else(|| by_name(name).then_some("by its name"))
}

fn by_name(name: &str) -> bool {
    let words: Vec<&str> = name.split('_').collect();
    let of_person = words
        .windows(2)
        .any(|pair| PERSONS.contains(&pair[0]) && pair[1] == "name");
    NAMES.contains(&name) || of_person || words.iter().any(|word| WORDS.contains(word))
}

fn by_values<'a>(values: impl Iterator<Item = &'a [u8]>) -> Option<&'static str> {
    let (mut all, mut mail, mut iban, mut card, mut ip, mut ssn, mut phone) = (0, 0, 0, 0, 0, 0, 0);
    for value in values.filter_map(|value| std::str::from_utf8(value).ok()) {
        all += 1;
        mail += usize::from(has_mail(value));
        iban += usize::from(is_iban(value));
        card += usize::from(is_card(value));
        ip += usize::from(value.contains(['.', ':']) && value.parse::<IpAddr>().is_ok());
        ssn += usize::from(digits_between(value, &['-'], &[3, 2, 4]));
        phone += usize::from(is_phone(value));
    }
    let most = |count: usize, percent: usize| count > 0 && count * 100 >= all * percent;
    match () {
        () if mail > 0 => Some("e-mail addresses"),
        () if iban > 0 => Some("IBANs"),
        () if most(card, NEARLY_ALL_PERCENT) => Some("card numbers"),
        () if most(ip, MOST_PERCENT) => Some("IP addresses"),
        () if most(ssn, MOST_PERCENT) => Some("social security numbers"),
        () if most(phone, MOST_PERCENT) => Some("phone numbers"),
        () => None,
    }
}

/// An e-mail address anywhere in the text.
fn has_mail(text: &str) -> bool {
    let word = |c: char| c.is_alphanumeric() || "._%+-".contains(c);
    text.match_indices('@').any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(word);
        let behind = &text[at + 1..];
        let domain = &behind[..behind.find(|c| !word(c)).unwrap_or(behind.len())];
        let top = domain.trim_end_matches('.').rsplit_once('.');
        before
            && top.is_some_and(|(host, top)| !host.is_empty() && top.len() >= 2 && top.chars().all(char::is_alphabetic))
    })
}

/// ISO 13616: country, check digits, and the whole is 1 modulo 97.
fn is_iban(text: &str) -> bool {
    let plain: Vec<u8> = text.bytes().filter(|b| *b != b' ').collect();
    let shaped = (15..=34).contains(&plain.len())
        && plain[..2].iter().all(u8::is_ascii_uppercase)
        && plain[2..4].iter().all(u8::is_ascii_digit)
        && plain.iter().all(u8::is_ascii_alphanumeric);
    shaped
        && plain[4..].iter().chain(&plain[..4]).fold(0_u32, |rest, b| match b {
            b'0'..=b'9' => (rest * 10 + u32::from(b - b'0')) % 97,
            letter => (rest * 100 + u32::from(letter.to_ascii_uppercase() - b'A') + 10) % 97,
        }) == 1
}

/// ISO/IEC 7812: 13 to 19 digits of a payment network, the last one by Luhn's formula.
fn is_card(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let only = text.chars().all(|c| c.is_ascii_digit() || c == ' ' || c == '-');
    let sum: u32 = digits
        .iter()
        .rev()
        .enumerate()
        .map(|(place, digit)| match (place % 2, digit * 2) {
            (1, double) if double > 9 => double - 9,
            (1, double) => double,
            _ => *digit,
        })
        .sum();
    only && (13..=19).contains(&digits.len()) && (3..=6).contains(&digits[0]) && sum.is_multiple_of(10)
}

fn is_phone(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    let only = text.chars().all(|c| c.is_ascii_digit() || "+-() ./".contains(c));
    let international = text.starts_with('+') || text.starts_with("00") || text.starts_with('(');
    let signed_number = text.contains('.') && text.matches('.').count() == 1 && !text.contains([' ', '(', '-', '/']);
    only && (digits_between(text, &['-', '.', ' '], &[3, 3, 4])
        || (international
            && (7..=15).contains(&digits)
            && !signed_number
            && text.parse::<f64>().map_or(true, |n| n >= 1e9 && text.starts_with('+'))))
}

/// Digits in parts of these lengths.
fn digits_between(text: &str, separators: &[char], lengths: &[usize]) -> bool {
    let parts: Vec<&str> = text.split(separators).collect();
    parts.len() == lengths.len()
        && parts
            .iter()
            .zip(lengths)
            .all(|(part, length)| part.len() == *length && part.bytes().all(|b| b.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(name: &str, values: &[&str]) -> Option<&'static str> {
        personal(name, values.iter().map(|value| value.as_bytes()))
    }

    #[test]
    fn values_give_it_away() {
        for (value, expected) in [
            ("ask ann.lee@example.org.", "e-mail addresses"),
            ("DE89 3704 0044 0532 0130 00", "IBANs"),
            ("4111 1111 1111 1111", "card numbers"),
            ("192.168.0.1", "IP addresses"),
            ("2001:db8::1", "IP addresses"),
            ("078-05-1120", "social security numbers"),
            ("+49 30 901820", "phone numbers"),
            ("+14155550132", "phone numbers"),
            ("(415) 555-0132", "phone numbers"),
            ("415-555-0132", "phone numbers"),
        ] {
            assert_eq!(told("x", &[value]), Some(expected), "{value}");
        }
    }

    #[test]
    fn other_values_do_not() {
        for value in [
            "2013-01-05",
            "07:30",
            "a@b",
            "4111111111111112",
            "1357034400000",
            "+1.5",
            "GB00X",
            "12.5",
            "00:15",
            "0012",
        ] {
            assert_eq!(told("x", &[value]), None, "{value}");
        }
        assert_eq!(told("x", &["192.168.0.1", "a", "b"]), None);
    }

    #[test]
    fn names_give_it_away() {
        for name in [
            "name",
            "customer_name",
            "email",
            "billing_address",
            "date_of_birth",
            "ip",
            "home_phone",
        ] {
            assert!(told(name, &[]).is_some(), "{name}");
        }
        for name in ["carrier", "file_name", "dep_time", "ship", "cell_count", "product_name"] {
            assert!(told(name, &[]).is_none(), "{name}");
        }
    }
}
