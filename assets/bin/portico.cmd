@echo off
rem The `portico` command of an installed Portico: runs on the app's own Electron as Node, so no Node is needed.
setlocal
set ELECTRON_RUN_AS_NODE=1
"%~dp0..\..\Portico.exe" "%~dp0..\app.asar\out\cli\portico.mjs" %*
exit /b %ERRORLEVEL%
