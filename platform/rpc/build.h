#pragma once

namespace milepost::rpc {

// What this program was built from. In a source file of their own, which is all that a new commit
// compiles again.
extern const char kVersion[];   // "0.1.0"
extern const char kRevision[];  // The commit when CMake looked; "unknown" without git.

}  // namespace milepost::rpc
