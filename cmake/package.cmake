# `cpack --config BUILD/CPackConfig.cmake` makes a Debian package; docs/releasing.md. scripts/package does it for a release.
set(KL_MAINTAINER "The Kalua authors <maintainers@kalua.invalid>"
    CACHE STRING "Who answers for the package: NAME <ADDRESS>")
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_NAME kalua)
set(CPACK_PACKAGE_VENDOR "The Kalua authors")
set(CPACK_PACKAGE_CONTACT "${KL_MAINTAINER}")
set(CPACK_PACKAGE_VERSION "${PROJECT_VERSION}")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "runs Lua trading strategies on the Kalshi exchange")
set(CPACK_PACKAGE_DESCRIPTION
    "Kalua keeps the connections, signatures, order books and risk limits;
a strategy is one Lua file that reads as if it blocked. It trades on an
exchange inside the process, without an account, on paper by live market
data, and on the demo and production environments of Kalshi.

The package has the command, its manual, examples, declarations for the
Lua language server, completions for bash, zsh and fish, and a systemd
unit for services of a user.")
set(CPACK_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # the unit names the binary's folder: it must be the final one
set(CPACK_STRIP_FILES ON)
set(CPACK_PACKAGE_DIRECTORY "${CMAKE_BINARY_DIR}/packages")
set(CPACK_MONOLITHIC_INSTALL ON)

set(CPACK_DEBIAN_PACKAGE_RELEASE 1)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${KL_MAINTAINER}")
set(CPACK_DEBIAN_PACKAGE_SECTION misc)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)
set(CPACK_DEBIAN_COMPRESSION_TYPE xz)

# What Debian wants otherwise than `cmake --install` puts it.
set(KL_PACKAGING_DIR "${CMAKE_SOURCE_DIR}/packaging")
set(CPACK_PRE_BUILD_SCRIPTS "${CMAKE_SOURCE_DIR}/cmake/package_debian.cmake")
configure_file("${CMAKE_SOURCE_DIR}/cmake/package_options.cmake.in" "${CMAKE_BINARY_DIR}/package_options.cmake" @ONLY)
set(CPACK_PROJECT_CONFIG_FILE "${CMAKE_BINARY_DIR}/package_options.cmake")
include(CPack)

# The program of the archive that brings its libraries along: `cmake --build BUILD --target kalua_portable` makes
# BUILD/portable/kalua, which looks for them in lib/kalua beside its folder.
add_executable(kalua_portable EXCLUDE_FROM_ALL packaging/plugin_folder.c $<TARGET_OBJECTS:kalua>)
target_link_libraries(kalua_portable PRIVATE $<TARGET_PROPERTY:kalua,LINK_LIBRARIES>)
# Not DT_RUNPATH, which would hold for what the program names and not for what those libraries name in turn.
target_link_options(kalua_portable PRIVATE -Wl,--disable-new-dtags)
set_target_properties(
  kalua_portable
  PROPERTIES OUTPUT_NAME kalua
             RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/portable
             INSTALL_RPATH "$ORIGIN/../lib/kalua"
             BUILD_WITH_INSTALL_RPATH ON)
