#pragma once

#include "controller/kube/credentials.h"
#include "controller/kube/http.h"

// How the program finds the transport in the module that holds it. Both are of one build: what
// passes between them are ordinary C++ objects.
namespace kr::kube {

// In the folder of the program.
inline constexpr char kCpprestModule[] = "kube-remedy-cpprest.so";

// The symbol in the module, and what it is: MakeCpprestTransport; the caller owns the result.
inline constexpr char kCpprestFactory[] = "kr_make_cpprest_transport";
using CpprestFactory = Transport* (*)(Credentials& credentials);

}  // namespace kr::kube
