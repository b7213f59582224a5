//! The doubles themselves: what they must take badly ends the process. Otherwise all other tests here would prove
//! less than they say.

use twinspect_double_nvinfer::Misuse;

use crate::doubles::Installation;

#[test]
fn each_misuse_ends_the_process_with_its_reason() {
    let installation = Installation::of("10.3.0");
    for misuse in Misuse::ALL {
        let (signal, words) = match misuse {
            Misuse::DeviceMemory | Misuse::BusyMemory => ("SIGSEGV", ""),
            Misuse::FreedEarly => (
                "SIGABRT",
                "double of libcuda: memory is freed that queued work uses: 0x",
            ),
            Misuse::UnsetSlot => (
                "SIGABRT",
                "double of libnvinfer: slot 6 of VRuntime was called, where getDLACore() -> i32 is",
            ),
        };
        let outcome = installation.run(&format!("misuse {misuse:?}"), "", "");
        let crash = outcome.crash.as_deref().unwrap_or("none");
        assert!(
            crash.contains(signal) && outcome.text.contains(words),
            "{misuse:?}: {outcome:#?}"
        );
        // It was the misuse, and not what leads to it.
        assert!(
            !outcome.text.contains("panicked"),
            "{misuse:?}: {outcome:#?}"
        );
    }
}
