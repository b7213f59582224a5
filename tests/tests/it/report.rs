//! The page about a run: what stands on it, what it says where something is absent, and that a
//! browser shows it without loading anything.

use std::ffi::OsStr;
use std::process::{Command, Output};

use serde_json::Value;

use crate::binaries::{program, run, succeed};
use crate::fusion;
use crate::product::{self, Site};

/// Anchors of the page of a product with a fusion network, in their order.
const SECTIONS: [&str; 9] = [
    "headline",
    "scores",
    "curves",
    "kinds",
    "false-rejects",
    "misses",
    "weights",
    "training",
    "provenance",
];

/// A kind of defect that would like to be markup.
const HOSTILE: &str = "<img src=x onerror=alert(1)>&\"'";

/// A site with a run's folder beside the parts, as training leaves one.
fn site() -> Site {
    let site = Site::new();
    let bundle = fusion::bundle();
    bundle
        .write_archive(site.path("fused.twb"))
        .expect("a new file");
    std::fs::create_dir(site.path("run")).expect("a new folder");
    let manifest = product::manifest();
    let part = |value| toml::Value::try_from(value).expect("TOML");
    let cost = toml::toml! {
        cpu_seconds = 1.0
        wall_seconds = 1.0
        peak_memory_mib = 1.0
        parameters = 12
    };
    let mut record = toml::toml! {
        name = "block"
        data_hash = "none"
        tool_version = "0.1.0"
        [training]
        seed = 0
    };
    let data = site.path("parts").display().to_string();
    record.insert("data".to_owned(), data.into());
    record.insert("cost".to_owned(), cost.into());
    record.insert("camera".to_owned(), part(manifest.camera));
    let prepare = toml::Value::try_from(manifest.prepare).expect("TOML");
    record.insert("prepare".to_owned(), prepare);
    site.write("run/run.toml", record.to_string());
    let losses: String = ["rgb", "geometry"]
        .iter()
        .flat_map(|student| (1..=300).map(move |step| (student, step)))
        .map(|(student, step)| format!("{student},{step},{}\n", 3.0 / f64::from(step)))
        .collect();
    let losses = format!("branch,step,loss\n{losses}gate,1,0.5\ngate,2,0.4\n");
    site.write("run/losses.csv", losses);
    site
}

fn report(site: &Site, bundle: &str) -> Command {
    let mut report = program("twinspect-lab");
    report
        .current_dir(site.path(""))
        .args(["report", "--run", "run", "--out", "pages/block.html"])
        .args(["--json", "--changed-data", "--bundle", bundle]);
    report
}

/// The page of a site, and what the program said of it.
fn page(site: &Site, bundle: &str) -> (String, Value) {
    let said = succeed(&mut report(site, bundle));
    let said = serde_json::from_str(&said).expect("a JSON object");
    let page = String::from_utf8(site.read("pages/block.html")).expect("a page is text");
    (page, said)
}

/// Values of an attribute, wherever it stands between tags' brackets.
fn attributes<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let start = format!(" {name}=\"");
    let found = page.split(start.as_str()).skip(1);
    found.filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn the_page_has_every_section_and_loads_nothing() {
    let site = site();
    let (page, said) = page(&site, "fused.twb");
    let places: Vec<usize> = SECTIONS
        .iter()
        .map(|id| {
            page.find(&format!("id=\"{id}\""))
                .unwrap_or_else(|| panic!("no section {id}"))
        })
        .collect();
    assert!(places.is_sorted(), "{places:?}");
    assert_eq!(said["good_parts"], 2);
    assert_eq!(said["defective_parts"], 1);
    assert_eq!(said["bytes"], page.len());
    let pictures = attributes(&page, "src");
    // Three parts; colour, height, two maps, weight and fused map of each.
    assert_eq!(pictures.len(), 18);
    assert!(
        pictures
            .iter()
            .all(|src| src.starts_with("data:image/jpeg;base64,"))
    );
    let links = attributes(&page, "href");
    assert!(
        links
            .iter()
            .all(|link| link.starts_with('#') || *link == "data:,")
    );
    for outside in ["<script", "http://", "https://", "@import", "url(h"] {
        assert!(!page.contains(outside), "{outside}");
    }
    for said in [
        "extrapolated from 10 good parts",
        "seed",
        "rotation_deg = 0.0",
    ] {
        assert!(page.contains(said), "{said}");
    }
}

#[test]
fn names_of_folders_are_no_markup() {
    let site = site();
    let test = site.path("parts/test");
    std::fs::rename(test.join("dent"), test.join(HOSTILE)).expect("a folder of that name");
    let (page, _) = page(&site, "fused.twb");
    assert!(page.contains("&lt;img src=x onerror=alert(1)&gt;&amp;&quot;&#39;"));
    assert!(!page.contains("<img src=x"));
}

#[test]
fn what_is_absent_is_said() {
    let site = site();
    site.remove("run/losses.csv");
    site.remove("parts/test/dent/000/mask.png");
    let (unmasked, _) = page(&site, "fused.twb");
    for said in [
        "1 defective part has no mask",
        "There is no PRO curve",
        "holds no losses",
    ] {
        assert!(unmasked.contains(said), "{said}");
    }
    let dark = image::RgbImage::new(product::FRAME.width as u32, product::FRAME.height as u32);
    let saved = dark.save(site.path("parts/test/good/000/rgb.png"));
    saved.expect("a black picture");
    site.remove("parts/test/dent");
    let (good, said) = page(&site, "block.twb");
    assert_eq!(said["defective_parts"], 0);
    for said in [
        "There are no defective test parts",
        "There is no ROC curve",
        "1 part has no result",
        "no result: no_colour",
    ] {
        assert!(good.contains(said), "{said}");
    }
    assert!(
        !good.contains("id=\"weights\""),
        "there is no fusion network"
    );
    site.remove("parts/test");
    let output = run(&mut report(&site, "block.twb"));
    assert_eq!(output.status.code(), Some(3));
}

#[test]
fn a_bundle_of_another_run_is_refused() {
    let site = site();
    site.edit("run/run.toml", "seed = 0", "seed = 1");
    let output = run(&mut report(&site, "fused.twb"));
    assert_eq!(output.status.code(), Some(4));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("fused.twb was not made of the run"), "{said}");
    assert!(said.contains("another seed"), "{said}");
    assert!(said.contains("leave out --bundle"), "{said}");
}

#[test]
fn a_page_is_written_over_pages_alone() {
    let site = site();
    let before = site.read("fused.twb");
    let over = |out: &str| {
        let mut report = program("twinspect-lab");
        report
            .current_dir(site.path(""))
            .args(["report", "--run", "run", "--bundle", "fused.twb"])
            .args(["--changed-data", "--out", out]);
        run(&mut report)
    };
    for place in ["fused.twb", "run"] {
        let output = over(place);
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(8), "{said}");
        assert!(said.contains("in the place of the page"), "{said}");
        assert!(said.contains("--out"), "{said}");
    }
    assert!(site.read("fused.twb") == before);
    for _ in 0..2 {
        assert!(over("page.html").status.success());
    }
}

#[test]
fn data_that_the_run_was_not_trained_on_are_refused() {
    let site = site();
    let mut report = program("twinspect-lab");
    report
        .current_dir(site.path(""))
        .args(["report", "--run", "run", "--bundle", "fused.twb"])
        .args(["--data", "parts", "--out", "page.html"]);
    let output = run(&mut report);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("parts is not the data set"), "{said}");
    assert!(said.contains("--changed-data"), "{said}");
    assert!(!site.path("page.html").exists());
}

/// A browser on one of the site's files. It asks nobody for anything on its own.
fn browse(chromium: &OsStr, site: &Site, file: &str, arguments: &[&str]) -> Output {
    let mut browser = Command::new(chromium);
    browser
        .args(["--headless", "--no-sandbox", "--disable-gpu"])
        .args(["--no-first-run", "--disable-dev-shm-usage"])
        .args(["--disable-background-networking", "--enable-logging=stderr"])
        .arg("--host-resolver-rules=MAP * ~NOTFOUND")
        .arg(format!(
            "--user-data-dir={}",
            site.path("browser").display()
        ))
        .args(arguments)
        .arg(format!("file://{}", site.path(file).display()));
    let output = run(&mut browser);
    assert!(output.status.success(), "{output:?}");
    output
}

/// What a page's console says: a policy that was violated, a script that failed.
fn console(output: &Output) -> Vec<String> {
    let said = String::from_utf8_lossy(&output.stderr);
    let lines = said.lines().filter(|line| line.contains("CONSOLE"));
    lines.map(str::to_owned).collect()
}

#[test]
fn a_browser_shows_the_page_and_has_nothing_to_complain_of() {
    let Some(chromium) = std::env::var_os("TWINSPECT_CHROMIUM") else {
        println!("skipped: TWINSPECT_CHROMIUM names no Chromium");
        return;
    };
    let site = site();
    let (page, _) = page(&site, "fused.twb");
    let shown = browse(&chromium, &site, "pages/block.html", &["--dump-dom"]);
    assert_eq!(console(&shown), Vec::<String>::new());
    let document = String::from_utf8_lossy(&shown.stdout);
    for id in SECTIONS {
        assert!(
            document.contains(&format!("id=\"{id}\"")),
            "no section {id}"
        );
    }
    // Its policy stops what is not in the page, and the console tells.
    let picture = "<main><img src=\"http://localhost:9/x.png\">";
    let greedy = page.replacen("<main>", picture, 1);
    site.write("pages/greedy.html", greedy);
    let greedy = browse(&chromium, &site, "pages/greedy.html", &["--dump-dom"]);
    assert!(
        !console(&greedy).is_empty(),
        "what a page loads would be noticed"
    );

    let picture = site.path("pages/block.png");
    let to_picture = format!("--screenshot={}", picture.display());
    for width in [400, 1200] {
        let window = format!("--window-size={width},2400");
        let arguments = ["--hide-scrollbars", window.as_str(), to_picture.as_str()];
        browse(&chromium, &site, "pages/block.html", &arguments);
        let drawn = image::open(&picture)
            .expect("a picture of the page")
            .to_rgb8();
        let paper = *drawn.get_pixel(0, 0);
        let used = drawn.pixels().filter(|pixel| **pixel != paper).count();
        assert!(
            used > drawn.pixels().len() / 20,
            "{used} pixels are drawn at {width}"
        );
    }
}
