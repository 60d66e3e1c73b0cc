//! The adapters against the local cloud, and against a service that fails. One emulator for all tests of this file, with nothing deployed.

use std::{path::Path, sync::OnceLock};
use watershed_aws_s3::S3Store;
use watershed_local::{Emulator, Ui, aws, emulator::Lifetime, venv::Venv};
use watershed_ports::{Kind, ObjectId, ObjectStore as _, PortError};
use watershed_tests::{
    answers::{Answer, Answers},
    cloud::wait,
    home, python,
};

fn emulator() -> &'static Emulator {
    static EMULATOR: OnceLock<Emulator> = OnceLock::new();
    EMULATOR.get_or_init(|| {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("adapters");
        let _ = std::fs::remove_dir_all(&dir);
        let home = home().with_state(&dir);
        let emulator = Emulator::start(&home, &python(Venv::Lake), None, Lifetime::Test, Ui::Silent);
        emulator.unwrap_or_else(|error| panic!("{error}"))
    })
}

fn bucket(name: &str) {
    let s3 = aws::s3(&emulator().endpoint());
    wait(s3.create_bucket().bucket(name).send()).expect("a bucket can be made");
}

fn kind<T>(answer: Result<T, PortError>) -> Option<Kind> {
    answer.err().map(|error| error.kind)
}

#[test]
fn a_conditional_write_holds_for_the_one_who_knows_what_is_there() {
    bucket("conditional");
    wait(async {
        let store = S3Store::new(&aws::config(&emulator().endpoint()));
        let put = async |body: &'static str, expected| store.put_if("conditional", "a/b", body.into(), expected).await;
        let unknown = "0123456789abcdef0123456789abcdef";
        assert_eq!(
            kind(put("one", Some(unknown)).await),
            Some(Kind::Conflict),
            "there is none to match"
        );
        let first = put("one", None).await.expect("there is none");
        let lost = put("two", None).await.expect_err("there is one already");
        assert_eq!(lost.kind, Kind::Conflict);
        assert!(
            lost.message.contains("s3://conditional/a/b: it is there already"),
            "{lost}"
        );
        let second = put("two", Some(&first)).await.expect("it is still the first");
        assert_ne!(first, second);
        assert_eq!(
            kind(put("three", Some(&first)).await),
            Some(Kind::Conflict),
            "it is another one now"
        );
        let (meta, _) = store
            .open(&ObjectId::current("conditional", "a/b"), 0)
            .await
            .expect("it is there");
        let found = store.find("conditional", "a/b").await.expect("it can be listed");
        assert_eq!(
            (Some(&meta), &meta.etag),
            (found.map(|found| found.meta).as_ref(), &second)
        );
        assert_eq!(
            store
                .read(&ObjectId::current("conditional", "a/b"))
                .await
                .expect("it can be read"),
            "two"
        );
        store.delete("conditional", "a/b").await.expect("it can be removed");
        assert_eq!(
            kind(put("three", Some(&second)).await),
            Some(Kind::Conflict),
            "it is gone"
        );
        let nowhere = store.put_if("no-such-bucket", "a", "one".into(), Some(unknown)).await;
        assert_eq!(
            kind(nowhere),
            Some(Kind::Fault),
            "a bucket that is not there is no lost race"
        );
    });
}

#[test]
fn of_many_conditional_writes_at_once_one_holds() {
    const WRITERS: usize = 8;
    bucket("race");
    let writers: Vec<_> = (0..WRITERS)
        .map(|n| {
            std::thread::spawn(move || {
                wait(async {
                    let store = S3Store::new(&aws::config(&emulator().endpoint()));
                    store.put_if("race", "one", format!("{n}").into(), None).await
                })
            })
        })
        .collect();
    let answers: Vec<_> = writers
        .into_iter()
        .map(|writer| writer.join().expect("a writer"))
        .collect();
    let held = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(held, 1, "{answers:?}");
    let lost = answers.iter().flat_map(|answer| answer.as_ref().err());
    assert!(
        lost.clone().all(|error| error.kind == Kind::Conflict),
        "{:?}",
        lost.collect::<Vec<_>>()
    );
}

#[test]
fn a_conditional_write_is_asked_for_once() {
    let refused = |status: u16, code: &str| Some((status, format!("<Error><Code>{code}</Code></Error>")));
    let cases: [(Answer, Kind); 5] = [
        (None, Kind::Transient),
        (refused(503, "SlowDown"), Kind::Transient),
        (refused(412, "PreconditionFailed"), Kind::Conflict),
        (refused(409, "ConditionalRequestConflict"), Kind::Conflict),
        (refused(403, "AccessDenied"), Kind::Fault),
    ];
    for (answer, expected) in cases {
        let service = Answers::serve(vec![answer]);
        let store = S3Store::new(&aws::config(&service.endpoint));
        let error = wait(store.put_if("b", "k", "one".into(), Some("e1"))).expect_err("it was refused");
        assert_eq!(error.kind, expected, "{error}");
        let requests = service.requests();
        assert_eq!(requests.len(), 1, "{error}");
        assert!(
            requests[0].to_lowercase().contains("\r\nif-match: \"e1\"\r\n"),
            "{}",
            requests[0]
        );
    }
}
