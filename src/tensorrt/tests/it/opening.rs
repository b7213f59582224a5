//! Libraries that are not there, or not the right ones.

use crate::doubles::{Installation, Outcome};

/// Opens what is installed; the result must have all of `words`, and the hint `hint`.
fn check(outcome: &Outcome, words: &[&str], hint: &str) {
    let result = outcome.said("result").expect("a result");
    assert!(
        outcome.crash.is_none() && outcome.has_no_leak(),
        "{outcome:#?}"
    );
    for word in words {
        assert!(result.contains(word), "{word:?} is not in {result:?}");
    }
    let found = outcome.said("hint").unwrap_or("none");
    assert!(found.contains(hint), "{hint:?} is not in {found:?}");
}

#[test]
fn what_is_installed_is_told() {
    let outcome = Installation::of("10.3.0").run("open", "", "");
    assert_eq!(outcome.said("version"), Some("10.3.0 V10"));
    assert_eq!(
        outcome.said("device"),
        Some(
            "DeviceFacts { name: \"double 0\", compute_capability: (8, 7), multiprocessors: 8, \
             memory_bytes: 8589934592, is_integrated: true, driver_version: 12060 }"
        )
    );
    // What the loader followed the link to.
    let file = outcome.said("file").expect("a file");
    assert!(file.contains("/libtwinspect_double_nvinfer.so"), "{file}");
    assert!(outcome.is_good());
}

#[test]
fn without_a_driver_nothing_is_tried() {
    let outcome = Installation::of("10.3.0")
        .without("libcuda.so.1")
        .run("open", "", "");
    check(
        &outcome,
        &["error loading libcuda.so.1: libcuda.so.1: cannot open shared object file"],
        "install the driver",
    );
}

#[test]
fn a_text_and_nothing_in_the_place_of_the_driver_are_mended_by_the_driver_s_package() {
    for contents in [
        "",
        "this is no library, and longer than a header of one would be: 64 bytes",
    ] {
        let installation = Installation::of("10.3.0").without("libcuda.so.1");
        std::fs::write(installation.path("libcuda.so.1"), contents).expect("a file is written");
        let outcome = installation.run("open", "", "");
        check(&outcome, &["loading libcuda.so.1: "], "install the driver");
        assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
    }
}

#[test]
fn a_driver_that_can_t_be_initialised_is_told() {
    let outcome = Installation::of("10.3.0").run("open", "fail=1:100", "");
    check(
        &outcome,
        &["cuInit gave CUDA_ERROR_NO_DEVICE (100)"],
        "may open the GPU",
    );
    let outcome = Installation::of("10.3.0").run("open", "fail=1:12345", "");
    check(&outcome, &["cuInit gave an unknown error (12345)"], "none");
}

#[test]
fn a_board_without_a_gpu_is_told() {
    let outcome = Installation::of("10.3.0").run("open", "devices=0", "");
    check(
        &outcome,
        &["the CUDA driver sees 0 devices, device 0 is asked for"],
        "groups video and render",
    );
}

#[test]
fn without_tensorrt_each_name_is_told() {
    let outcome = Installation::of("10.3.0")
        .without("libnvinfer.so.10")
        .run("open", "", "");
    let missing = |major| {
        format!("libnvinfer.so.{major}: libnvinfer.so.{major}: cannot open shared object file")
    };
    check(
        &outcome,
        &[&missing(11), &missing(10), &missing(8)],
        "install TensorRT of this board's JetPack",
    );
    assert_eq!(outcome.said("absent"), Some("true"), "{outcome:#?}");
    assert!(!outcome.text.contains("libnvinfer.so.12"), "{outcome:#?}");
}

/// As on boards where one of TensorRT's own libraries is missing: it is there and does not load.
#[test]
fn a_library_that_does_not_load_is_told_in_the_loader_s_words() {
    let installation = Installation::of("10.3.0").without("libnvinfer.so.10");
    std::fs::write(
        installation.path("libnvinfer.so.10"),
        b"\x7fELF, and no more",
    )
    .expect("a file is written");
    check(
        &installation.run("open", "", ""),
        &["libnvinfer.so.10: ", "file too short"],
        "what the loader says",
    );
}

#[test]
fn the_newest_release_that_loads_is_taken() {
    let installation = Installation::of("11.4.0");
    std::fs::write(installation.path("libnvinfer.so.8"), b"no library").expect("a file is written");
    let outcome = installation.run("open", "", "");
    assert_eq!(outcome.said("version"), Some("11.4.0 V11"));
    let installation = Installation::of("8.6.1");
    std::fs::write(installation.path("libnvinfer.so.11"), b"no library")
        .expect("a file is written");
    let outcome = installation.run("open", "", "");
    assert_eq!(outcome.said("version"), Some("8.6.1 V8"));
    passed_over(&outcome, &["libnvinfer.so.11: ", "file too short"]);
}

/// The newer library that was passed over is told with these words, once.
fn passed_over(outcome: &Outcome, words: &[&str]) {
    let warned: Vec<&str> = outcome
        .text
        .lines()
        .filter(|line| line.contains("@warned "))
        .collect();
    let [line] = warned[..] else {
        panic!("one warning is expected: {outcome:#?}");
    };
    for part in [&["is used in place of a newer one: "][..], words].concat() {
        assert!(line.contains(part), "{part:?} is not in {line:?}");
    }
}

/// More than a page, with a sound header: the loader would map the rest beyond the end, and touch it.
fn cut_off(installation: &Installation, double: &str, name: &str) {
    let whole = installation.path("whole.so");
    installation.link(double, "whole.so");
    let bytes = std::fs::read(&whole).expect("a double is read");
    assert!(bytes.len() > 3 * CUT_OFF_BYTES, "{} bytes", bytes.len());
    std::fs::write(installation.path(name), &bytes[..CUT_OFF_BYTES]).expect("a file is written");
    std::fs::remove_file(whole).expect("a link is removed");
}

const CUT_OFF_BYTES: usize = 2 * 4096;

#[test]
fn a_library_that_is_cut_off_is_told_and_never_loaded() {
    let driver = "libcuda.so.1";
    let runtime = "libnvinfer.so.10";
    for (name, double) in [(driver, "cuda"), (runtime, "nvinfer")] {
        let installation = Installation::of("10.3.0").without(name);
        cut_off(&installation, double, name);
        let outcome = installation.run("open", "", "");
        let words = format!("{name}\" is cut off: it has {CUT_OFF_BYTES} bytes, at least ");
        check(&outcome, &[&words], "install its package again");
        assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
    }
}

#[test]
fn a_newer_library_that_can_t_be_used_hides_no_older_one() {
    let newer = "libnvinfer.so.11";
    let installation = Installation::of("10.3.0");
    cut_off(&installation, "nvinfer", newer);
    let outcome = installation.run("open", "", "");
    assert_eq!(outcome.said("version"), Some("10.3.0 V10"), "{outcome:#?}");
    passed_over(&outcome, &[newer, "is cut off"]);
    let installation = Installation::of("10.3.0");
    installation.link("cuda", newer);
    let outcome = installation.run("open", "", "");
    assert_eq!(outcome.said("version"), Some("10.3.0 V10"), "{outcome:#?}");
    passed_over(&outcome, &[newer, "has no function getInferLibVersion"]);
    // None that can be used: all are told.
    let installation = installation.without("libnvinfer.so.10");
    cut_off(&installation, "nvinfer", "libnvinfer.so.8");
    let outcome = installation.run("open", "", "");
    let words = [
        "libnvinfer.so.11: libnvinfer.so.11 has no function getInferLibVersion: ",
        "libnvinfer.so.10: libnvinfer.so.10: cannot open shared object file",
        "libnvinfer.so.8: the library ",
        "is cut off",
    ];
    check(&outcome, &words, "install TensorRT");
    assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
}

/// The loader passes it over and says that there is none.
#[test]
fn a_library_for_another_processor_is_told() {
    let installation = Installation::of("10.3.0");
    let library = installation.path("libnvinfer.so.10");
    let mut bytes = std::fs::read(&library).expect("a double is read");
    // `e_machine`: 32-bit ARM.
    bytes[18..20].copy_from_slice(&[40, 0]);
    std::fs::remove_file(&library).expect("a link is removed");
    std::fs::write(&library, bytes).expect("a file is written");
    let outcome = installation.run("open", "", "");
    let words = ["libnvinfer.so.10\" is for another kind of processor)"];
    check(&outcome, &words, "install TensorRT");
}

/// Its functions have TensorRT's names, and its plans are others.
#[test]
fn tensorrt_rtx_under_the_name_of_tensorrt_is_refused() {
    let installation = Installation::of("1.7.1");
    installation.link("nvinfer", "libnvinfer.so.11");
    installation.link("nvinfer", "libnvonnxparser.so.11");
    for scenario in ["open", "tour mapped f32"] {
        let outcome = installation.run(scenario, "", "");
        let words = "libnvinfer.so.11 is TensorRT-RTX 1.7.1, another product than TensorRT";
        check(
            &outcome,
            &[words],
            "install TensorRT of this board's JetPack",
        );
        assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
        assert_eq!(outcome.number("calls-nvinfer"), 0);
    }
}

#[test]
fn a_library_without_the_functions_is_told() {
    let installation = Installation::of("10.3.0").without("libnvinfer.so.10");
    installation.link("cuda", "libnvinfer.so.10");
    let words = [
        "libnvinfer.so.10 has no function getInferLibVersion: ",
        "undefined symbol",
    ];
    check(
        &installation.run("open", "", ""),
        &words,
        "install TensorRT and its ONNX parser",
    );
}

#[test]
fn other_versions_are_refused_before_anything_is_called() {
    let outcome = Installation::of("8.4.3").run("open", "", "");
    check(
        &outcome,
        &["TensorRT 8.4.3 is older than 8.5"],
        "JetPack 5.1 or newer",
    );
    assert_eq!(outcome.number("calls-nvinfer"), 0);
}

/// Alone on its board, under its own name; and under that of another.
#[test]
fn a_major_version_that_is_unknown_is_refused_and_not_absent() {
    let renamed = Installation::of("12.0.0");
    renamed.link("nvinfer", "libnvinfer.so.11");
    for (version, installation) in [
        ("12.0.0", Installation::of("12.0.0")),
        ("9.3.0", Installation::of("9.3.0")),
        ("12.0.0", renamed),
    ] {
        let outcome = installation.run("open", "", "");
        let words = format!("TensorRT {version} is unknown: 8.5 and later, 10 and 11 are known");
        check(&outcome, &[&words], "until twinspect knows");
        assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
        assert_eq!(outcome.number("calls-nvinfer"), 0);
    }
}

#[test]
fn a_known_release_is_taken_before_an_unknown_one() {
    let installation = Installation::of("8.6.1");
    std::fs::write(installation.path("libnvinfer.so.12"), b"no library")
        .expect("a file is written");
    let outcome = installation.run("open", "", "");
    assert_eq!(outcome.said("version"), Some("8.6.1 V8"));
    // Alone it is nothing, but it is there.
    let outcome = installation.without("libnvinfer.so.8").run("open", "", "");
    let words = ["libnvinfer.so.8: ", "libnvinfer.so.12: ", "file too short"];
    check(&outcome, &words, "install TensorRT");
    assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
}

#[test]
fn without_the_parser_only_building_is_refused() {
    let installation = Installation::of("10.3.0").without("libnvonnxparser.so.10");
    let outcome = installation.run("tour mapped f32", "", "");
    check(
        &outcome,
        &[
            "loading libnvonnxparser.so.10: ",
            "cannot open shared object file",
        ],
        "install TensorRT's ONNX parser",
    );
}

/// What NVIDIA's lean runtime does without a driver: the failed factory returns an address in the
/// first page.
#[test]
fn a_factory_s_pointer_into_the_first_page_is_a_failure() {
    let outcome = Installation::of("10.3.0").run("tour mapped f32", "", "fail=1");
    let words = [
        "TensorRT gave nothing for createInferBuilder | it logged: CUDA initialization failure with error: 35",
    ];
    check(&outcome, &words, "use the CPU engine");
}

/// Libraries under each other's names, and doubles that have forgotten one function.
#[test]
fn a_function_that_is_missing_is_named_with_its_library() {
    const RUNTIME: &str = "libnvinfer.so.10";
    const PARSER: &str = "libnvonnxparser.so.10";
    const DRIVER: &str = "libcuda.so.1";
    let all = || Installation::of("10.3.0");
    let without = |names: &[&str], function| all().without_function(names, function);
    let other = |name: &str, double: &str| {
        let installation = all().without(name);
        installation.link(double, name);
        installation
    };
    let build = "tour mapped f32";
    for (installation, scenario, library, function) in [
        (other(DRIVER, "nvinfer"), "open", DRIVER, "cuInit"),
        (
            other(PARSER, "cuda"),
            build,
            PARSER,
            "getNvOnnxParserVersion",
        ),
        (
            without(&[DRIVER], "cuGraphLaunch"),
            "open",
            DRIVER,
            "cuGraphLaunch",
        ),
        (
            without(&[RUNTIME, PARSER], "createInferRuntime_INTERNAL"),
            build,
            RUNTIME,
            "createInferRuntime_INTERNAL",
        ),
        (
            without(&[RUNTIME, PARSER], "createInferBuilder_INTERNAL"),
            build,
            RUNTIME,
            "createInferBuilder_INTERNAL",
        ),
        (
            without(&[RUNTIME, PARSER], "createNvOnnxParser_INTERNAL"),
            build,
            PARSER,
            "createNvOnnxParser_INTERNAL",
        ),
    ] {
        let outcome = installation.run(scenario, "", "");
        let words = format!("{library} has no function {function}: ");
        let hint = if library == DRIVER {
            "install the driver"
        } else {
            "install TensorRT and its ONNX parser"
        };
        check(&outcome, &[&words, "undefined symbol"], hint);
        assert_eq!(outcome.said("absent"), Some("false"), "{outcome:#?}");
    }
}

/// A library that is not laid out as its version says: what is set is not kept.
#[test]
fn what_reads_back_differently_is_a_canary() {
    for release in ["8.5.2", "10.16.1", "11.4.0"] {
        let installation = Installation::of(release);
        for (what, words) in [
            (
                "threads",
                "the limit of threads of TensorRT is 1 after 2 was set",
            ),
            (
                "workspace",
                "the workspace limit in bytes of TensorRT is 8589934592 after 67108864 was set",
            ),
            (
                "address",
                "the address of a tensor of TensorRT is 0x0 after 0x",
            ),
        ] {
            let outcome = installation.run("tour copied f32", "", &format!("deaf={what}"));
            check(&outcome, &[words], "report the versions of TensorRT");
        }
    }
}
