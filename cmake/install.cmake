# `cmake --install BUILD --prefix P`: the binary, and what goes with it below P/share.
include(GNUInstallDirs)
set(KL_INSTALL_DATADIR ${CMAKE_INSTALL_DATADIR}/kalua)
install(TARGETS kalua RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
install(FILES docs/kalua.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1)
install(FILES README.md CHANGELOG.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
install(DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR}/docs FILES_MATCHING PATTERN "*.md")
install(DIRECTORY scripts/examples DESTINATION ${CMAKE_INSTALL_DOCDIR}/scripts FILES_MATCHING PATTERN "*.lua")
# Declarations for the Lua language server; its setting workspace.library is to name this folder.
install(DIRECTORY lua/types DESTINATION ${KL_INSTALL_DATADIR} FILES_MATCHING PATTERN "*.lua")
install(FILES completions/kalua.bash DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions RENAME kalua)
install(FILES completions/_kalua DESTINATION ${CMAKE_INSTALL_DATADIR}/zsh/site-functions)
install(FILES completions/kalua.fish DESTINATION ${CMAKE_INSTALL_DATADIR}/fish/vendor_completions.d)
# The unit names the binary by the prefix, which is known only now.
install(
  CODE "get_filename_component(KL_BINDIR \"\${CMAKE_INSTALL_PREFIX}/${CMAKE_INSTALL_BINDIR}\" ABSOLUTE)
configure_file(\"${CMAKE_SOURCE_DIR}/cmake/kalua@.service.in\" \"${CMAKE_BINARY_DIR}/kalua@.service\" @ONLY)")
install(FILES ${CMAKE_BINARY_DIR}/kalua@.service DESTINATION lib/systemd/user)
