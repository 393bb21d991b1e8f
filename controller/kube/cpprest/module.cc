#include "controller/kube/cpprest/module.h"

#include "controller/kube/cpprest/cpprest_transport.h"

// kCpprestFactory.
extern "C" kr::kube::Transport* kr_make_cpprest_transport(kr::kube::Credentials& credentials) {
  return kr::kube::MakeCpprestTransport(credentials).release();
}
