#pragma once

// What a drain step leaves in its memo for others.
namespace kr::actions {

inline constexpr char kDrainResult[] = "result";
// Nothing that had to go is left on the node.
inline constexpr char kDrainComplete[] = "Complete";
// Best effort, on a node that is not ready: permits a reboot, never deleteNode or force.
inline constexpr char kDrainPartial[] = "Partial";

// How many pods owners had before evictions of theirs, by UID: the next leader has not seen it.
inline constexpr char kDrainHad[] = "had";

}  // namespace kr::actions
