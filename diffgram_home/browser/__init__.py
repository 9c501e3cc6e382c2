"""The Limited Case `browser`: what pages of the product tell this installation, and browsers by themselves.

built/       home.js and its siblings as they are served, made from browser/*.ts by `npm run build`
"""
