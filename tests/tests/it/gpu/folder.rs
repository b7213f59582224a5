//! The folder of plans: what lies in its place, what lies in it, and who builds there.

use std::os::unix::fs::symlink;

use super::{Libraries, NONE, RELEASE, build, json, off, on, plans, report, said, site};
use crate::product::Site;

/// A file as `engine build` writes it, with nothing in it, for a GPU of this name.
fn plan_of(gpu: &str) -> String {
    const DIGEST_OF_NOTHING: &str =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    format!(
        "twinspect plan 1\nrevision = 1\ntensorrt = 10.3.0, 7 bytes of 9\ngpu = {gpu}\ndriver = 12060, 0a1b\n\
         types = f32\nnetwork = ab\nsha256 = {DIGEST_OF_NOTHING}\n\n"
    )
}

#[test]
fn what_is_no_folder_is_told_with_what_it_is() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    std::fs::write(site.path("file"), "").expect("a file");
    symlink(site.path("nowhere"), site.path("link")).expect("a link");
    for (name, what) in [("file", "a file"), ("link", "a link that leads nowhere")] {
        for command in ["build", "list", "prune"] {
            let typed = format!("engine {command} --bundle block.twb --plans {name}");
            let told = report(&on(&gpu, NONE, &site, &typed), 8);
            let words = format!("{name}\", which is {what}");
            assert!(told.contains(&words), "{typed}: {told}");
            assert!(told.contains("the key engine.plans"), "{typed}: {told}");
            // What can be told without a GPU is told before that there is none.
            let without = report(&off(&site, &typed), 8);
            assert!(without.contains(&words), "{typed}: {without}");
        }
        let typed = format!("check --bundle block.twb --engine --plans {name}");
        let told = report(&off(&site, &typed), 8);
        assert!(
            told.contains(&format!("which is {what}")),
            "{typed}: {told}"
        );
    }
    assert!(site.path("link").symlink_metadata().is_ok());
}

/// In the kernel's own folders nobody makes one, root neither.
#[test]
fn a_folder_that_can_t_be_made_is_told_with_all_ways_out() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let typed = "engine build --bundle block.twb --plans /sys/kernel/plans";
    let told = report(&on(&gpu, NONE, &site, typed), 8);
    for part in [
        "\"/sys/kernel/plans\" can't be made",
        "--plans",
        "engine.plans",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// As a shell takes it, and no terminal obeys it.
#[test]
fn a_folder_s_name_is_one_word_wherever_it_is_told() {
    use std::os::unix::fs::PermissionsExt as _;

    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    let name = "line\u{a0}3$HOME\u{1b}[2J";
    let build = format!("engine build --bundle block.twb --plans {name}");
    let built = on(&gpu, NONE, &site, &build);
    let text = said(&built);
    assert!(!built.stdout.contains(&0x1b), "{text}");
    assert!(text.contains("$HOME\u{25a1}[2J"), "{text}");
    let everybody = std::fs::Permissions::from_mode(0o777);
    std::fs::set_permissions(site.path(name), everybody).expect("its mode");
    let word = "`chmod go-w $'line\u{a0}3$HOME\\x1b[2J'`";
    let list = said(&off(&site, &format!("engine list --plans {name}")));
    assert!(list.contains(word), "{list}");
    let told = report(&on(&gpu, NONE, &site, &build), 8);
    assert!(told.contains(word), "{told}");
}

#[test]
fn no_terminal_obeys_what_lies_in_the_folder() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    build(&gpu, &site);
    site.write("plans/a\u{1b}[2J\u{7}.plan", "no plan");
    site.write("plans/rgb-0123456789abcdef.plan", plan_of("Orin\u{1b}[2J"));
    let boxed = "a\u{25a1}[2J\u{25a1}.plan";
    let list = off(&site, "engine list --config station.toml");
    let text = said(&list);
    assert!(!list.stdout.contains(&0x1b) && !list.stdout.contains(&7));
    assert!(text.contains(boxed), "{text}");
    assert!(text.contains("on Orin\u{25a1}[2J, driver 12060"), "{text}");
    let list = said(&on(&gpu, NONE, &site, "engine list --config station.toml"));
    assert!(list.contains(boxed), "{list}");
    let pruned = said(&on(&gpu, NONE, &site, "engine prune --config station.toml"));
    assert!(pruned.contains(&format!("left {boxed}: ")), "{pruned}");
    // Scripts get the names as they are.
    let list = json(&on(
        &gpu,
        NONE,
        &site,
        "engine list --config station.toml --json",
    ));
    let files = list["files"].as_array().expect("files");
    assert!(
        files
            .iter()
            .any(|file| file["file"] == "a\u{1b}[2J\u{7}.plan"),
        "{list}"
    );
}

#[test]
fn the_second_of_two_builds_is_told_who_builds() {
    let (gpu, site) = (Libraries::of(RELEASE), site(""));
    std::fs::create_dir(site.path("plans")).expect("a new folder");
    // What another `twinspect engine build` holds.
    let first = std::fs::File::open(site.path("plans")).expect("the folder");
    first.try_lock().expect("nobody holds it");
    let told = refused(&gpu, &site);
    // The kernel's table may be hidden where this test runs.
    let us = format!("process {} builds plans in ", std::process::id());
    assert!(
        told.contains(&us) || told.contains("another process builds plans in "),
        "{told}"
    );
    assert!(told.contains("hint: wait until that build has ended"));
    assert_eq!(plans(&site, ""), Vec::<std::path::PathBuf>::new());
    // Looking needs no lock.
    said(&on(&gpu, NONE, &site, "engine list --config station.toml"));
    first.unlock().expect("it was held");
    build(&gpu, &site);
}

fn refused(gpu: &Libraries, site: &Site) -> String {
    let typed = "engine build --config station.toml";
    report(&on(gpu, NONE, site, typed), 8)
}
