//! The information elements of our own, as the program prints them.

use std::{collections::BTreeSet, env, fs};

use crate::{
    kept::assert_as_kept,
    program::{Ended, program, tool},
    shared::workspace,
};

/// The page is made from the registry, and never by hand.
#[test]
fn the_page_of_elements_is_as_the_program_prints_it() {
    assert_as_kept(&workspace().join("docs/ELEMENTS.md"), &printed("markdown"));
}

/// A collector that was set up once must not find another meaning under a number: elements come, and none goes or changes.
#[test]
fn elements_are_appended_and_stay_what_they_are() {
    let kept = workspace().join("tests/elements/kept.csv");
    let printed = printed("csv");
    let now: Vec<_> = printed.lines().skip(1).map(identity).collect();
    let before = fs::read_to_string(&kept).unwrap_or_default();
    let missing: Vec<_> = before.lines().filter(|line| !now.iter().any(|element| element == line)).collect();
    assert!(missing.is_empty(), "changed or gone: {missing:?}");
    assert!(env::var_os("UPDATE_GOLDEN").is_some() || !before.is_empty(), "{}", kept.display());
    assert_as_kept(&kept, &(now.join("\n") + "\n"));
}

/// Number, name and type.
fn identity(line: &str) -> String {
    line.split(',').skip(1).take(3).collect::<Vec<_>>().join(",")
}

#[test]
fn every_form_is_printed_under_the_number_that_was_asked_for() {
    let forms = [
        "markdown", "libfds", "pmacct", "goflow2", "logstash", "filebeat", "telegraf", "vflow", "fixbuf",
        "csv",
    ];
    for form in forms {
        let ended = Ended::of(program().args(["elements", "--format", form, "--pen", "9999"]));
        assert!(ended.assert_status(0).stdout.contains("9999"), "{form}");
        assert!(!ended.stdout.contains("32473"), "{form}");
    }
    for pen in ["0", "29305", "x"] {
        Ended::of(program().args(["elements", "--pen", pen])).assert_status(2);
    }
}

/// libxml2 reads what ipfixcol2 and libfixbuf do.
#[test]
fn python_reads_the_xml_and_csv_forms_back() {
    let names: BTreeSet<_> = printed("csv").lines().skip(1).map(identity).collect();
    for (form, script) in [("libfds", READ_LIBFDS), ("fixbuf", READ_FIXBUF), ("csv", READ_CSV)] {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), printed(form)).unwrap();
        let read = Ended::of(tool("python3", "python3").args(["-c", script]).arg(file.path()));
        let read: BTreeSet<_> = read.assert_status(0).stdout.lines().map(str::to_owned).collect();
        assert_eq!(read, names, "{form}");
    }
}

fn printed(format: &str) -> String {
    let ended = Ended::of(program().args(["elements", "--format", format]));
    ended.assert_status(0).stdout.clone()
}

const READ_LIBFDS: &str = "
import sys, xml.etree.ElementTree as tree
for element in tree.parse(sys.argv[1]).getroot().findall('element'):
    print(','.join(element.find(name).text for name in ('id', 'name', 'dataType')))
";
const READ_FIXBUF: &str = "
import sys, xml.etree.ElementTree as tree
iana = '{http://www.iana.org/assignments}'
for element in tree.parse(sys.argv[1]).getroot().iter(iana + 'record'):
    print(','.join(element.find(iana + name).text for name in ('elementId', 'name', 'dataType')))
";
const READ_CSV: &str = "
import csv, sys
for element in csv.DictReader(open(sys.argv[1])):
    print(','.join(element[name] for name in ('id', 'name', 'type')))
";
