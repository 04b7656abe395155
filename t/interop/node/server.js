// The official Node.js SDK as a server of Interop::Echo.  usage: server.js CONFIG
'use strict';
const Tars = require('@tars/rpc');
const { EchoImp } = require('./echo.js');

const server = new Tars.server();
server.initialize(process.argv[2], (s) => {
	s.addServant(EchoImp, `${s.Application}.${s.ServerName}.EchoObj`);
});
server.start();
