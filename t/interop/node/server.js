// The official Node.js SDK as a server of TestApp::Hello; its configuration is in $TARS_CONFIG.
'use strict';
const Tars = require('@tars/rpc');
const { HelloImp } = require('./hello.js');

const server = new Tars.server();
server.initialize(process.env.TARS_CONFIG, (s) => {
	s.addServant(HelloImp, `${s.Application}.${s.ServerName}.HelloObj`);
});
server.start();
