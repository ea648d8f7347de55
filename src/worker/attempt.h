// What Rust asks of C++, which no exception may leave.

#pragma once

#include <cstdlib>
#include <cstring>
#include <exception>
#include <stdexcept>
#include <string>

// What went wrong, to be freed, or null.
template <class F>
char *attempt(F does) {
  try {
    does();
    return nullptr;
  } catch (const std::exception &error) {
    return strdup(error.what());
  }
}
