//! Names of months and weekdays in other languages than English, which is the only one that chrono reads (its `unstable-locales` write
//! names, they read none). After the Unicode CLDR, and the spellings without accents that systems write.

use chrono::format::{Fixed, Item, StrftimeItems};
use watershed_contract::Locale;

/// Longest text of a date with names, in bytes.
const MAX_NAMED_BYTES: usize = 200;

const ENGLISH_MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];
const ENGLISH_DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

/// Lower case; of a month or day all its spellings.
struct Names {
    months: [&'static str; 12],
    days: [&'static str; 7],
}

static GERMAN: Names = Names {
    months: [
        "januar jan jänner jän",
        "februar feb",
        "märz mär mrz",
        "april apr",
        "mai",
        "juni jun",
        "juli jul",
        "august aug",
        "september sept sep",
        "oktober okt",
        "november nov",
        "dezember dez",
    ],
    days: [
        "montag mo",
        "dienstag di",
        "mittwoch mi",
        "donnerstag do",
        "freitag fr",
        "samstag sonnabend sa",
        "sonntag so",
    ],
};
static FRENCH: Names = Names {
    months: [
        "janvier janv jan",
        "février févr fév fevrier fevr fev",
        "mars mar",
        "avril avr",
        "mai",
        "juin",
        "juillet juil",
        "août aout",
        "septembre sept sep",
        "octobre oct",
        "novembre nov",
        "décembre déc decembre dec",
    ],
    days: [
        "lundi lun",
        "mardi mar",
        "mercredi mer",
        "jeudi jeu",
        "vendredi ven",
        "samedi sam",
        "dimanche dim",
    ],
};
static SPANISH: Names = Names {
    months: [
        "enero ene",
        "febrero feb",
        "marzo mar",
        "abril abr",
        "mayo may",
        "junio jun",
        "julio jul",
        "agosto ago",
        "septiembre setiembre sept sep set",
        "octubre oct",
        "noviembre nov",
        "diciembre dic",
    ],
    days: [
        "lunes lun",
        "martes mar",
        "miércoles mié miercoles mie",
        "jueves jue",
        "viernes vie",
        "sábado sáb sabado sab",
        "domingo dom",
    ],
};
static ITALIAN: Names = Names {
    months: [
        "gennaio gen",
        "febbraio feb",
        "marzo mar",
        "aprile apr",
        "maggio mag",
        "giugno giu",
        "luglio lug",
        "agosto ago",
        "settembre sett set",
        "ottobre ott",
        "novembre nov",
        "dicembre dic",
    ],
    days: [
        "lunedì lunedi lun",
        "martedì martedi mar",
        "mercoledì mercoledi mer",
        "giovedì giovedi gio",
        "venerdì venerdi ven",
        "sabato sab",
        "domenica dom",
    ],
};
static DUTCH: Names = Names {
    months: [
        "januari jan",
        "februari feb",
        "maart mrt",
        "april apr",
        "mei",
        "juni jun",
        "juli jul",
        "augustus aug",
        "september sept sep",
        "oktober okt",
        "november nov",
        "december dec",
    ],
    days: [
        "maandag ma",
        "dinsdag di",
        "woensdag wo",
        "donderdag do",
        "vrijdag vr",
        "zaterdag za",
        "zondag zo",
    ],
};
static PORTUGUESE: Names = Names {
    months: [
        "janeiro jan",
        "fevereiro fev",
        "março mar marco",
        "abril abr",
        "maio mai",
        "junho jun",
        "julho jul",
        "agosto ago",
        "setembro set",
        "outubro out",
        "novembro nov",
        "dezembro dez",
    ],
    days: [
        "segunda-feira segunda seg",
        "terça-feira terça ter terca-feira terca",
        "quarta-feira quarta qua",
        "quinta-feira quinta qui",
        "sexta-feira sexta sex",
        "sábado sáb sabado sab",
        "domingo dom",
    ],
};

/// `text` as the pattern would write it in English, in the ways that there are: a point behind a name is the pattern's, or the name's.
/// Names are looked for in the pattern's order, since `mar` is a month and a day in Spanish.
pub fn english(text: &str, pattern: &str, locale: Locale) -> impl Iterator<Item = String> {
    let names = match locale {
        Locale::En => None,
        Locale::De => Some(&GERMAN),
        Locale::Fr => Some(&FRENCH),
        Locale::Es => Some(&SPANISH),
        Locale::It => Some(&ITALIAN),
        Locale::Nl => Some(&DUTCH),
        Locale::Pt => Some(&PORTUGUESE),
    };
    let tables: Vec<Table> = StrftimeItems::new(pattern)
        .filter_map(|item| match item {
            Item::Fixed(Fixed::ShortMonthName | Fixed::LongMonthName) => {
                names.map(|names| (&names.months[..], &ENGLISH_MONTHS[..]))
            }
            Item::Fixed(Fixed::ShortWeekdayName | Fixed::LongWeekdayName) => {
                names.map(|names| (&names.days[..], &ENGLISH_DAYS[..]))
            }
            _ => None,
        })
        .collect();
    let with_points = translated(text, &tables, false);
    let without = with_points.is_some().then(|| translated(text, &tables, true)).flatten();
    with_points.into_iter().chain(without)
}

/// Spellings in another language, and the names in English.
type Table = (&'static [&'static str], &'static [&'static str]);

/// None: a name is missing.
fn translated(text: &str, tables: &[Table], drop_points: bool) -> Option<String> {
    if text.len() > MAX_NAMED_BYTES {
        return None;
    }
    let mut out = String::with_capacity(text.len());
    let mut tables = tables.iter().peekable();
    let mut rest = text;
    let mut in_word = false;
    while let Some(c) = rest.chars().next() {
        let begins = c.is_alphabetic() && !in_word;
        in_word = c.is_alphabetic();
        let found = tables
            .peek()
            .filter(|_| begins)
            .and_then(|(own, english)| find(rest, own, english));
        if let Some((english, behind)) = found {
            tables.next();
            out.push_str(english);
            rest = behind.strip_prefix('.').filter(|_| drop_points).unwrap_or(behind);
        } else {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        }
    }
    tables.next().is_none().then_some(out)
}

/// The English name for the one that `text` begins with, and what is behind it.
fn find<'t>(text: &'t str, own: &[&'static str], english: &[&'static str]) -> Option<(&'static str, &'t str)> {
    own.iter().zip(english).find_map(|(spellings, english)| {
        let behind = |spelling: &str| {
            let mut chars = text.chars();
            let same = spelling
                .chars()
                .all(|wanted| chars.next().is_some_and(|c| c.to_lowercase().eq([wanted])));
            let behind = chars.as_str();
            (same && !behind.starts_with(char::is_alphabetic)).then_some(behind)
        };
        Some((*english, spellings.split(' ').find_map(behind)?))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::NaiveDate;

    fn read(text: &str, pattern: &str, locale: Locale) -> Option<NaiveDate> {
        english(text, pattern, locale).find_map(|text| NaiveDate::parse_from_str(&text, pattern).ok())
    }

    #[test]
    fn dates_of_several_countries() {
        for (text, pattern, locale) in [
            ("5. März 2013", "%d. %B %Y", Locale::De),
            ("Di., 5. Mrz 13", "%a, %d. %b %y", Locale::De),
            ("Dienstag, den 05.MÄRZ.2013", "%A, den %d.%b.%Y", Locale::De),
            ("mardi 5 mars 2013", "%A %d %B %Y", Locale::Fr),
            ("mar. 5 mars 2013", "%a %d %b %Y", Locale::Fr),
            ("martes, 5 de marzo de 2013", "%A, %d de %B de %Y", Locale::Es),
            ("mar. 5 mar. 2013", "%a %d %b %Y", Locale::Es),
            ("5-mar-2013", "%d-%b-%Y", Locale::It),
            ("martedì 5 marzo 2013", "%A %d %B %Y", Locale::It),
            ("di 5 mrt. 2013", "%a %d %b. %Y", Locale::Nl),
            ("terça-feira, 5 de março de 2013", "%A, %d de %B de %Y", Locale::Pt),
            ("05Mar2013", "%d%b%Y", Locale::Pt),
        ] {
            assert_eq!(
                read(text, pattern, locale),
                NaiveDate::from_ymd_opt(2013, 3, 5),
                "{text}"
            );
        }
        for (text, pattern, locale) in [
            ("5. March 2013", "%d. %B %Y", Locale::De),
            ("5. Märzen 2013", "%d. %B %Y", Locale::De),
            ("Montag, 5. März 2013", "%A, %d. %B %Y", Locale::De),
            ("5. 2013", "%d. %B %Y", Locale::De),
            ("5 mars mars 2013", "%d %B %Y", Locale::Fr),
        ] {
            assert_eq!(read(text, pattern, locale), None, "{text}");
        }
    }

    #[test]
    fn every_name_is_read() {
        let all = [
            (Locale::De, &GERMAN),
            (Locale::Fr, &FRENCH),
            (Locale::Es, &SPANISH),
            (Locale::It, &ITALIAN),
            (Locale::Nl, &DUTCH),
            (Locale::Pt, &PORTUGUESE),
        ];
        for (locale, names) in all {
            for (month, spellings) in (1..).zip(names.months) {
                for name in spellings.split(' ') {
                    let text = format!("1 {} 2013", name.to_uppercase());
                    let expected = NaiveDate::from_ymd_opt(2013, month, 1);
                    assert_eq!(read(&text, "%d %B %Y", locale), expected, "{text}");
                }
            }
            for (day, spellings) in (4..).zip(names.days) {
                for name in spellings.split(' ') {
                    let text = format!("{name} 2013-03-{day:02}");
                    let expected = NaiveDate::from_ymd_opt(2013, 3, day);
                    assert_eq!(read(&text, "%A %Y-%m-%d", locale), expected, "{text}");
                }
            }
        }
    }
}
